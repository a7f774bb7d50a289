// app.js: the live page.  It reads /api/v1/events and draws what comes.  What
// others wrote is only ever set as text.
'use strict';

const API = '/api/v1/';
const SILENCE = 6000;		// ms without an event: the line is dead
const RETRY = [1, 2, 4, 8, 15];	// s
const GONE = 6000;		// ms that an ended call stays to be seen
const POINTS = 60;
const SVG = 'http://www.w3.org/2000/svg';

const $ = id => document.getElementById(id);
const state = { live: null, history: null, curves: {}, write: false, tries: 0 };

// ---- making and changing elements -----------------------------------------
function set(node, attrs) {
	for (const [k, v] of Object.entries(attrs)) {
		if (k === 'text')
			write(node, v);
		else if (k.startsWith('on'))
			node.addEventListener(k.slice(2), v);
		else if (v === false || v === null || v === undefined)
			node.removeAttribute(k);
		else if (node.getAttribute(k) !== String(v))
			node.setAttribute(k, v);
	}
	return node;
}

function el(tag, attrs = {}, ...children) {
	const node = set(document.createElement(tag), attrs);

	node.append(...children);
	return node;
}

function svg(tag, attrs = {}, ...children) {
	const node = set(document.createElementNS(SVG, tag), attrs);

	node.append(...children);
	return node;
}

// Nothing moves, and no reader speaks, where nothing changed.
function write(node, text) {
	if (node.textContent !== String(text))
		node.textContent = text;
}

// Rows by key: those that are there are changed, not made again.
function rows(parent, items, key, make, update) {
	const have = new Map([...parent.children].map(n => [n.dataset.key, n]));
	let at = parent.firstElementChild;

	for (const item of items) {
		const k = key(item);
		let node = have.get(k);

		if (node)
			have.delete(k);
		else {
			node = make(item);
			node.dataset.key = k;
		}
		update(node, item);
		if (node === at)
			at = at.nextElementSibling;
		else
			parent.insertBefore(node, at);
	}
	for (const node of have.values())
		node.remove();
}

// ---- words ----------------------------------------------------------------
const number = n => Number(n || 0).toLocaleString('en').replace(/,/g, '\u202f');
const two = n => String(n).padStart(2, '0');

function span(ms) {
	const s = Math.floor(ms / 1000), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;

	return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

function uptime(s) {
	const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;

	return d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : m ? `${m} min` : `${s} s`;
}

const clock = ms => {
	const d = new Date(ms);

	return `${two(d.getHours())}:${two(d.getMinutes())}`;
};

const plain = jid => (jid || '').replace(/^sips?:/, '') || 'unknown';
const percent = permille => (permille / 10).toFixed(permille && permille < 100 ? 1 : 0) + ' %';
const ms = n => n ? `${n} ms` : '–';
const grade = mos => mos >= 36 ? 'good' : mos >= 30 ? 'warn' : 'bad';
const sound = mos => !mos ? '–' : (mos / 10).toFixed(1);
const STATES = { new: 'begins', opening: 'begins', trying: 'asked', ringing: 'rings', proceeding: 'connects',
	joining: 'connects', offering: 'connects', active: '', ended: 'ended' };

// ---- curves ---------------------------------------------------------------
function spark(className, label) {
	return svg('svg', { class: className, viewBox: '0 0 100 24', preserveAspectRatio: 'none',
		role: label ? 'img' : null, 'aria-hidden': label ? null : 'true', 'aria-label': label },
		svg('polyline'));
}

function draw(node, v, low, high) {
	const x = i => (100 - (v.length - 1 - i) * 100 / (POINTS - 1)).toFixed(1);
	const y = n => (23 - 22 * Math.min(1, Math.max(0, (n - low) / (high - low || 1)))).toFixed(1);
	const points = v.map((n, i) => `${x(i)},${y(n)}`).join(' ');

	set(node.lastChild, { points: v.length === 1 ? `99,${y(v[0])} ${points}` : points });
}

function keepPoint(call) {
	const c = state.curves[call.id] ||= { mos: [], loss: [], jitter: [], rtt: [] };

	c.mos.push(call.mos);
	c.loss.push(Math.max(call.xmpp.loss, call.sip.loss));
	c.jitter.push(Math.max(call.xmpp.jitter, call.sip.jitter));
	c.rtt.push(call.xmpp.rtt + call.sip.rtt);
	for (const v of Object.values(c))
		v.splice(0, v.length - POINTS);
}

const known = v => v.filter(n => n > 0);

// ---- the calls ------------------------------------------------------------
const gone = new Map();		// id -> { call, until }

function ends(call) {
	const x = plain(call.jid), s = plain(call.uri);

	return call.from === 'xmpp' ? [x, s] : [s, x];
}

const CIPHERS = { AES_CM_128_HMAC_SHA1_80: 'AES-CM 80', AES_CM_128_HMAC_SHA1_32: 'AES-CM 32', AEAD_AES_128_GCM: 'AES-GCM', AEAD_AES_256_GCM: 'AES-GCM 256' };
const WAYS = { ice: 'ICE', relay: 'ICE by relay', rtp: 'RTP' };

function sideWords(side) {
	if (!side.way)
		return ['–', ''];
	return [side.up ? WAYS[side.way] : `${WAYS[side.way]}, not up`, CIPHERS[side.srtp] || side.srtp || 'plain'];
}

function makeCall(call) {
	const open = el('button', { class: 'open', type: 'button', onclick: () => openCall(call.id) },
		el('span', { class: 'who-line' }),
		el('span', { class: 'who-line to' }, el('span', { class: 'arrow', 'aria-hidden': 'true', text: '→ ' }),
			el('span', { class: 'sr', text: ' calls ' }), el('span')));
	const cell = (...children) => el('div', { role: 'cell' }, ...children);

	return el('div', { role: 'row', class: 'row' },
		cell(open),
		cell(el('span'), el('small')),
		cell(el('span'), el('small')),
		cell(el('span'), el('small')),
		cell(el('span'), el('small')),
		el('div', { role: 'cell', class: 'num' }),
		el('div', { role: 'cell', class: 'num' }),
		el('div', { role: 'cell', class: 'num' }),
		el('div', { role: 'cell', class: 'mos' }, el('b'), spark('spark')));
}

function updateCall(node, call) {
	const [who, time, codec, x, s, loss, jitter, rtt, mos] = node.children;
	const [from, to] = ends(call), line = who.firstChild.firstChild;
	const rx = call.xmpp.rx || call.sip.rx;
	const c = state.curves[call.id], words = STATES[call.state] ?? call.state;
	const talks = call.active_ms > 0;

	write(line, from);
	write(line.nextSibling.lastChild, to);
	who.firstChild.title = `${call.name ? `${call.name}, ` : ''}${from} → ${to}`;
	write(time.firstChild, span(talks ? call.active_ms : call.age_ms));
	write(time.lastChild, call.gone ? 'ended' : words);
	write(codec.firstChild, call.codec.split('/')[0] || '–');
	write(codec.lastChild, call.codec ? `${call.codec.split('/')[1] / 1000} kHz` : '');
	for (const [cell, side] of [[x, call.xmpp], [s, call.sip]]) {
		const [a, b] = sideWords(side);

		write(cell.firstChild, a);
		write(cell.lastChild, cell === s ? [b, call.trunk].filter(Boolean).join(' · ') : b);
	}
	write(loss, rx ? percent(Math.max(call.xmpp.loss, call.sip.loss)) : '–');
	write(jitter, rx ? ms(Math.max(call.xmpp.jitter, call.sip.jitter)) : '–');
	write(rtt, rx ? ms(call.xmpp.rtt + call.sip.rtt) : '–');
	write(mos.firstChild, sound(call.mos));
	mos.className = 'mos ' + (call.mos ? grade(call.mos) : '');
	if (c)
		draw(mos.lastChild, known(c.mos), 10, 45);
	node.classList.toggle('gone', !!call.gone);
}

function matches(call, text) {
	return !text || [call.id, call.jid, call.uri, call.name, call.trunk, call.codec, call.state]
		.some(v => v && v.toLowerCase().includes(text));
}

function drawCalls() {
	const { live } = state, text = $('filter').value.trim().toLowerCase(), now = Date.now();
	// Under a pointer or a focus no row moves: newer calls go below.
	const held = $('rows').matches(':hover, :focus-within');
	const at = new Map(held ? [...$('rows').children].map((n, i) => [n.dataset.key, i]) : []);
	const place = c => at.get(c.id) ?? Infinity;

	for (const [id, g] of gone)
		if (g.until < now && !(held && at.has(id) && gone.size < 100))
			gone.delete(id);
	const all = [...live.calls.filter(c => !gone.has(c.id)), ...[...gone.values()].map(g => g.call)]
		.sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)) || b.began - a.began || (a.id < b.id ? -1 : 1));
	const shown = all.filter(c => matches(c, text));

	rows($('rows'), shown, c => c.id, makeCall, updateCall);
	$('table').hidden = !shown.length;
	$('none').hidden = !!shown.length;
	if (!shown.length)
		$('none').replaceChildren(...(all.length
			? [el('b', { text: 'No call has this text.' }), 'Clear the filter to see all of them.']
			: [el('b', { text: 'Nobody talks right now.' }), 'Calls show up here as soon as somebody dials.']));
	write($('shown'), live.total > live.calls.length ? `the newest ${live.calls.length} of ${number(live.total)}`
		: text && all.length ? `${shown.length} of ${all.length}` : '');
}

// ---- tiles, links, limits, accounts ---------------------------------------
function drawTiles() {
	const { live, history } = state, st = live.status;
	const sum = i => history.minutes.reduce((n, m) => n + m[i], 0);
	const worst = live.calls.filter(c => c.mos).reduce((n, c) => Math.min(n, c.mos), 99);

	write($('t-calls'), number(live.total));
	write($('t-room'), `of ${number(st.room)}`);
	write($('t-answered'), number(sum(1)));
	write($('t-missed'), number(sum(2)));
	write($('t-failed'), number(sum(3)));
	set($('t-failed'), { class: sum(3) ? 'bad' : null });
	write($('t-messages'), number(sum(5)));
	write($('t-mos'), worst === 99 ? '–' : sound(worst));
	set($('t-mos'), { class: worst === 99 || worst >= 36 ? null : grade(worst) });
	write($('uptime'), `${st.version}, up ${uptime(st.uptime_s)}`);
	write($('domain'), st.xmpp.map(x => x.component).join(', '));
	document.title = `${live.total ? `(${live.total}) ` : ''}stoxd ${st.xmpp[0]?.component ?? ''}`;
}

function drawLinks() {
	const st = state.live.status;
	const links = [...st.xmpp.map(x => ({ kind: 'XMPP', name: x.component, up: x.up, status: x.status })),
		...st.trunks.map(t => ({ kind: 'trunk', name: t.trunk, up: t.up, status: t.status }))];

	rows($('link-list'), links, l => l.kind + l.name,
		() => el('li', {}, el('i', { class: 'dot' }), el('b'), el('span', { class: 'side' }), el('small')),
		(node, l) => {
			node.className = l.up ? 'up' : 'down';
			write(node.children[1], l.name);
			write(node.children[2], l.kind);
			write(node.children[3], l.status || (l.up ? 'up' : 'down'));
		});
}

function drawLimits() {
	const st = state.live.status, load = st.load, lag = us => (us / 1000).toFixed(us < 10000 ? 1 : 0);
	const meters = [
		['Calls', state.live.total, st.room],
		['Being set up', load.in_setup, load.in_setup_max],
		['UDP ports', load.ports, load.ports_max],
		['Descriptors', load.descriptors, load.descriptors_max],
		['Signalling behind', load.signalling_lag_us / 1000, load.signalling_lag_max_us / 1000, lag(load.signalling_lag_us), 'ms'],
		['Media behind', load.media_lag_us / 1000, load.media_lag_max_us / 1000, lag(load.media_lag_us), 'ms'],
	];

	rows($('meters'), meters, m => m[0],
		m => el('div', { class: 'meter' }, el('div', {}, el('span', { text: m[0] }), el('span')),
			el('div', { class: 'bar', role: 'meter', 'aria-label': m[0], 'aria-valuemin': 0 }, el('i'))),
		(node, [, is, most, text, unit]) => {
			const bar = node.lastChild, share = most ? Math.min(1, is / most) : 0;
			const words = `${text ?? number(is)}${most ? ` of ${number(most)}` : ''}${unit ? ` ${unit}` : ''}`;

			write(node.firstChild.lastChild, words);
			set(bar, { 'aria-valuenow': Math.round(is), 'aria-valuemax': Math.max(Math.round(most), 1), 'aria-valuetext': words });
			bar.firstChild.style.width = `${(share * 100).toFixed(1)}%`;
			node.className = 'meter ' + (share >= .9 ? 'bad' : share >= .7 ? 'warn' : '');
		});
	write($('shedding'), load.shedding ? 'new calls are refused' : load.refused ? `${number(load.refused)} refused` : '');
}

function drawFacts() {
	const st = state.live.status, a = st.accounts, p = st.presence, m = st.messages, store = st.store;
	const facts = [
		['Accounts registered', `${number(a.registered)} of ${number(a.accounts)}`],
		['Contacts known', number(a.contacts)],
		['Phones subscribed to', number(p.subscribed)],
		['Phones that watch', number(p.watchers)],
		['Messages waiting', number(m.waiting)],
		['Messages not delivered', number(m.failed)],
		['Store', store.trouble || (store.open ? store.waiting ? `${number(store.waiting)} wait` : 'written' : 'none')],
	];

	rows($('facts'), facts.flatMap(([k, v]) => [['dt', k, k], ['dd', k, v]]), f => f[0] + f[1],
		f => el(f[0]), (node, f) => write(node, f[2]));
}

// ---- the last hour --------------------------------------------------------
function nice(n) {
	const p = 10 ** Math.floor(Math.log10(Math.max(n, 4)));

	return [1, 2, 4, 6, 8, 10].map(k => k * p).find(v => v % 2 === 0 && v >= Math.max(n, 4));
}

function drawHour() {
	const box = $('chart'), v = state.history.minutes;
	const w = box.clientWidth || 600, h = box.clientHeight || 140;
	const em = parseFloat(getComputedStyle(box).fontSize), left = 2.4 * em, bottom = 1.5 * em, top = .6 * em;
	const most = nice(Math.max(...v.map(m => m[1] + m[2] + m[3]), ...v.map(m => m[4])));
	const step = (w - left) / v.length, y = n => top + (h - top - bottom) * (1 - n / most);
	const key = JSON.stringify([w, h, v]);

	if (box.dataset.key === key)
		return;
	box.dataset.key = key;
	const sum = i => v.reduce((n, m) => n + m[i], 0);
	const s = svg('svg', { viewBox: `0 0 ${w} ${h}`, role: 'img',
		'aria-label': `In the last hour ${sum(1)} calls answered, ${sum(2)} not taken, ${sum(3)} failed, at most ${Math.max(...v.map(m => m[4]))} at once` });

	for (const n of [0, most / 2, most]) {
		s.append(svg('line', { class: 'grid', x1: left, x2: w, y1: y(n), y2: y(n) }),
			svg('text', { x: left - .5 * em, y: y(n) + .3 * em, 'text-anchor': 'end', text: number(n) }));
	}
	v.forEach((m, i) => {
		const x = left + i * step + step * .12;
		let at = 0;

		for (const [n, name] of [[m[1], 'answered'], [m[2], 'missed'], [m[3], 'failed']]) {
			if (n)
				s.append(svg('rect', { class: name, x, width: step * .76, y: y(at + n), height: y(at) - y(at + n), rx: 1 }));
			at += n;
		}
		if (i % 15 === 0)
			s.append(svg('text', { x: left + i * step, y: h - .2 * em, text: clock(m[0] * 1000) }));
	});
	s.append(svg('text', { x: w, y: h - .2 * em, 'text-anchor': 'end', text: 'now' }));
	if (v.some(m => m[4]))
		s.append(svg('polyline', { class: 'peak', points: v.map((m, i) =>
			`${left + i * step},${y(m[4])} ${left + (i + 1) * step},${y(m[4])}`).join(' ') }));
	v.forEach((m, i) => s.append(svg('rect', { class: 'hit', x: left + i * step, width: step, y: top, height: h - top - bottom },
		svg('title', { text: `${clock(m[0] * 1000)}: ${m[1]} answered, ${m[2]} not taken, ${m[3]} failed, ${m[4]} at once` }))));
	box.replaceChildren(s);
}

function drawFailures() {
	const { failures, failures_more: more } = state.history, list = $('failure-list');

	if (!failures.length) {
		list.replaceChildren(el('li', { class: 'muted', text: 'None in the last hour.' }));
		return;
	}
	if (!list.firstElementChild?.dataset.key)
		list.replaceChildren();
	const items = [...failures];

	rows(list, items, f => [f.outcome, f.sip_code, f.reason, f.from, f.trunk].join(' '),
		f => el('li', {}, el('span', { class: 'count' }), el('b'), el('span', { class: 'side' }), el('small')),
		(node, f) => {
			const code = [f.sip_code && `SIP ${f.sip_code}`, f.reason, f.q850 && `Q.850 ${f.q850}`].filter(Boolean).join(', ');

			node.firstChild.className = f.missed ? 'count soft' : 'count';
			write(node.children[0], `${number(f.count)}×`);
			write(node.children[1], f.text);
			write(node.children[2], clock(f.last_ms));
			if (node.dataset.last !== f.last_id + code) {
				node.dataset.last = f.last_id + code;
				node.children[3].replaceChildren([f.from === 'xmpp' ? 'to SIP' : 'from SIP', f.trunk && `trunk ${f.trunk}`, code]
					.filter(Boolean).join(' · ') + ' · ',
				el('button', { type: 'button', class: 'plain', text: `last: ${f.last_id}`, onclick: () => openCall(f.last_id) }));
			}
		});
	if (more)
		list.append(el('li', { class: 'muted', 'data-key': 'more', text: `and ${more} other reasons` }));
}

// ---- one call -------------------------------------------------------------
let shown = null;	// its id

const liveCall = id => state.live?.calls.find(c => c.id === id) || gone.get(id)?.call;

function openCall(id) {
	shown = id;
	disarm();
	write($('c-note'), '');
	$('c-curves').replaceChildren();
	$('c-sides').replaceChildren();
	$('ladder').replaceChildren(el('li', { class: 'note', text: 'Loading' }));
	drawCall();
	if (!$('call').open)
		$('call').showModal();
	loadLadder();
}

const CURVES = [
	['mos', 'Sound (MOS)', sound, 10, 45],
	['loss', 'Loss', percent, 0, 50],
	['jitter', 'Jitter', ms, 0, 60],
	['rtt', 'Round trip', ms, 0, 400],
];

function drawCall() {
	const call = liveCall(shown), c = state.curves[shown];

	if (!call) {
		write($('c-title'), `Call ${shown}`);
		write($('c-sub'), 'It is over.');
		$('c-hangup').hidden = true;
		return;
	}
	const [from, to] = ends(call);

	write($('c-title'), `${from} → ${to}`);
	write($('c-sub'), [`call ${call.id}`, call.name, call.trunk && `trunk ${call.trunk}`, call.codec,
		call.gone ? 'ended' : call.active_ms ? `talks for ${span(call.active_ms)}` : STATES[call.state] ?? call.state]
		.filter(Boolean).join(' · '));
	$('c-hangup').hidden = !state.write || !!call.gone;
	rows($('c-curves'), CURVES, k => k[0],
		k => el('div', { class: 'curve' }, el('p', {}, el('span', { text: k[1] }), el('b')), spark('spark', `${k[1]}, the last five minutes`)),
		(node, [key, , words, low, high]) => {
			const v = c?.[key] ?? [], now = { mos: call.mos, loss: Math.max(call.xmpp.loss, call.sip.loss),
				jitter: Math.max(call.xmpp.jitter, call.sip.jitter), rtt: call.xmpp.rtt + call.sip.rtt }[key];

			write(node.firstChild.lastChild, call.active_ms ? words(now) : '–');
			draw(node.lastChild, key === 'mos' ? known(v) : v, low, Math.max(high, ...v));
		});
	rows($('c-sides'), [['From the XMPP side', call.xmpp], ['From the SIP side', call.sip]], s => s[0],
		s => el('section', {}, el('h3', { text: s[0] }), el('dl')),
		(node, [, side]) => {
			const [way, srtp] = sideWords(side);
			const facts = [['Transport', way], ['Encryption', srtp || '–'], ['Packets in', number(side.rx)], ['Packets out', number(side.tx)],
				['Lost', `${number(side.lost)} (${percent(side.loss)} now)`], ['Jitter', ms(side.jitter)], ['Round trip', ms(side.rtt)], ['Path', side.pair || '–']];

			rows(node.lastChild, facts.flatMap(([k, v]) => [['dt', k, k], ['dd', k, v]]), f => f[0] + f[1],
				f => el(f[0]), (n, f) => write(n, f[2]));
		});
}

const WHENCE = { sip: ['SIP to gateway: ', 'gateway to SIP: '], xmpp: ['XMPP to gateway: ', 'gateway to XMPP: '] };

function rung(e, first) {
	const lane = WHENCE[e.kind], sent = e.sent ? 1 : 0;
	const words = (lane ? e.what : e.text || e.what || e.lost) || '';
	const right = lane && (e.kind === 'sip') === !!sent;
	const time = el('time', { text: '+' + ((e.at_ms - first) / 1000).toFixed(3), title: new Date(e.at_ms).toISOString() });
	const step = el('span', { class: `step ${lane ? e.kind : 'media'} ${lane ? right ? 'right' : 'left' : ''} ${lane && /^[4-6]\d\d\b|error/.test(words) ? 'err' : ''}` },
		el('span', { class: 'sr', text: lane ? lane[sent] : 'media: ' }), el('span', { text: words }));

	if (!lane)
		return el('li', {}, el('div', { class: 'rung' }, time, step));
	const pre = el('pre', { hidden: true });
	const button = el('button', { type: 'button', class: 'rung', 'aria-expanded': 'false', title: e.peer || '',
		onclick: () => {
			pre.hidden = !pre.hidden;
			if (!pre.hidden)
				write(pre, e.text);
			set(button, { 'aria-expanded': !pre.hidden });
		} }, time, step);

	return el('li', {}, button, pre);
}

async function loadLadder() {
	const id = shown, list = $('ladder');
	const say = text => list.replaceChildren(el('li', { class: 'note', text }));

	try {
		const r = await ask(`call/trace/${encodeURIComponent(id)}`), body = await r.text();

		if (id !== shown)
			return;
		if (!r.ok) {
			say(JSON.parse(body).error || 'The messages are not there.');
			return;
		}
		const entries = body.split('\n').filter(Boolean).map(line => JSON.parse(line));

		const first = entries.find(e => e.at_ms)?.at_ms ?? 0;

		for (const e of entries)
			e.at_ms ??= first;
		if (entries.length)
			list.replaceChildren(...entries.map(e => rung(e, first)));
		else
			say('No message of this call is kept any more.');
	} catch {
		if (id === shown)
			say('The gateway does not answer.');
	}
}

function disarm() {
	$('c-hangup').classList.remove('sure');
	write($('c-hangup'), 'Hang up');
}

async function hangUp() {
	const b = $('c-hangup');

	if (!b.classList.contains('sure')) {
		b.classList.add('sure');
		write(b, 'Hang up now?');
		setTimeout(disarm, 4000);
		return;
	}
	disarm();
	try {
		const r = await ask('call/hangup', { method: 'POST', headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ id: shown }) });

		write($('c-note'), r.ok ? 'The call is being ended.' : (await r.json()).error);
	} catch {
		write($('c-note'), 'The gateway does not answer.');
	}
}

async function loadAccounts() {
	const box = $('account-list');

	if (!$('account-box').open)
		return;
	box.replaceChildren(el('p', { class: 'muted', text: 'Loading' }));
	try {
		const r = await ask('accounts'), v = await r.json();
		const list = Array.isArray(v) ? v : v.accounts;

		if (!r.ok || !list?.length) {
			box.replaceChildren(el('p', { class: 'muted', text: r.ok ? 'Nobody has brought one.' : v.error }));
			return;
		}
		const keys = Object.keys(list[0]).filter(k => typeof list[0][k] !== 'object').slice(0, 5);
		const words = x => x === true ? 'yes' : x === false ? 'no' : x ?? '';

		box.replaceChildren(el('table', {},
			el('thead', {}, el('tr', {}, ...keys.map(k => el('th', { scope: 'col', text: k.replace(/_/g, ' ') })))),
			el('tbody', {}, ...list.map(a => el('tr', {}, ...keys.map(k => el('td', { text: words(a[k]) })))))));
	} catch {
		box.replaceChildren(el('p', { class: 'muted', text: 'The gateway does not answer.' }));
	}
}

// ---- events ---------------------------------------------------------------
function onLive(live) {
	const was = state.live, now = new Set(live.calls.map(c => c.id));

	for (const c of live.calls)
		c.began = live.now - c.age_ms;
	for (const c of was?.calls ?? []) {
		const old = live.total <= live.calls.length && !now.has(c.id);

		if (old)
			gone.set(c.id, { call: { ...c, gone: true }, until: Date.now() + GONE });
	}
	for (const c of was?.calls ?? [])
		if (now.has(c.id))
			live.calls.find(k => k.id === c.id).began = c.began;
	state.live = live;
	if (live.point)
		live.calls.forEach(keepPoint);
	for (const id of Object.keys(state.curves))
		if (!now.has(id) && !gone.has(id) && id !== shown)
			delete state.curves[id];
	linkState(live.open ? 'up' : 'down', live.open ? 'Live' : 'Takes no new calls');
	drawCalls();
	drawTiles();
	drawLinks();
	drawLimits();
	drawFacts();
	if (shown)
		drawCall();
}

function onHistory(history) {
	state.history = history;
	drawHour();
	drawFailures();
}

const events = {
	hello(e) {
		state.tries = 0;
		state.curves = e.curves;
		state.write = e.write;
		onHistory(e.history);
		onLive(e.live);
		online();
	},
	live: onLive,
	history: onHistory,
};

// ---- the line -------------------------------------------------------------
const token = () => sessionStorage.getItem('token');

function ask(path, options = {}) {
	const headers = { ...options.headers };

	if (token())
		headers.Authorization = `Bearer ${token()}`;
	return fetch(API + path, { ...options, headers, cache: 'no-store', credentials: 'omit' });
}

function linkState(cls, text) {
	$('link').className = cls;
	write($('link').lastChild, text);
}

function banner(text, bad) {
	$('banner').hidden = !text;
	$('banner').classList.toggle('bad', !!bad);
	write($('banner'), text || '');
}

function online() {
	document.body.dataset.state = 'live';
	banner('');
}

function signIn(wrong) {
	document.body.dataset.state = 'signin';
	sessionStorage.removeItem('token');
	$('signin').hidden = false;
	$('page').hidden = true;
	$('signout').hidden = true;
	if ($('call').open)
		$('call').close();
	linkState('', 'Signed out');
	write($('wrong'), wrong || '');
	$('token').value = '';
	$('token').focus();
}

// The stream's events, each {event, data}.
async function* parse(body) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';

	for (;;) {
		const { value, done } = await reader.read();

		if (done)
			return;
		rest += value;
		const whole = rest.split('\n\n');

		rest = whole.pop();
		for (const block of whole) {
			const e = { event: 'message', data: '' };

			for (const line of block.split('\n')) {
				const at = line.indexOf(': ');

				e[line.slice(0, at)] = line.slice(at + 2);
			}
			yield e;
		}
	}
}

let line = null;	// AbortController of the stream

async function listen() {
	const control = line = new AbortController();
	let watch = 0;
	const alive = () => {
		clearTimeout(watch);
		watch = setTimeout(() => control.abort(), SILENCE);
	};

	alive();
	try {
		const r = await ask('events', { signal: control.signal });

		if (r.status === 401) {
			signIn(token() && 'This token is not known.');
			return 'stop';
		}
		if (!r.ok)
			return (await r.json()).error;
		$('signin').hidden = true;
		$('page').hidden = false;
		$('signout').hidden = !token();
		for await (const e of parse(r.body)) {
			alive();
			events[e.event]?.(JSON.parse(e.data));
		}
		return 'The gateway has closed the line.';
	} catch {
		return 'The gateway does not answer.';
	} finally {
		clearTimeout(watch);
		control.abort();
	}
}

let timer = 0;

async function run() {
	clearTimeout(timer);
	line?.abort();
	if (document.body.dataset.state !== 'stale')
		linkState('', 'Connecting');
	const ended = listen(), mine = line, why = await ended;

	// another line was opened meanwhile: it is that one's to try again
	if (mine !== line || why === 'stop' || !why)
		return;
	const wait = RETRY[Math.min(state.tries++, RETRY.length - 1)];

	document.body.dataset.state = state.live ? 'stale' : 'error';
	linkState('down', 'Disconnected');
	banner(`${why} ${state.live ? `What you see is of ${new Date(state.live.now).toLocaleTimeString()}. ` : ''}Trying again.`, !state.live);
	timer = setTimeout(run, wait * 1000);
}

// ---- what people do -------------------------------------------------------
function theme(name) {
	if (name)
		document.documentElement.dataset.theme = name;
	else
		delete document.documentElement.dataset.theme;
	write($('theme').lastChild, name === 'dark' ? 'Dark' : name === 'light' ? 'Light' : 'Auto');
}

$('theme').addEventListener('click', () => {
	const order = ['', 'light', 'dark'], at = order.indexOf(localStorage.getItem('theme') || '');
	const next = order[(at + 1) % order.length];

	localStorage.setItem('theme', next);
	theme(next);
});
$('signin').addEventListener('submit', e => {
	e.preventDefault();
	sessionStorage.setItem('token', $('token').value.trim());
	write($('wrong'), '');
	run();
});
$('signout').addEventListener('click', () => {
	line?.abort();
	sessionStorage.removeItem('token');
	location.reload();
});
$('filter').addEventListener('input', () => state.live && drawCalls());
$('c-close').addEventListener('click', () => $('call').close());
$('call').addEventListener('close', () => { shown = null; });
$('call').addEventListener('click', e => e.target === $('call') && $('call').close());
$('c-hangup').addEventListener('click', hangUp);
$('c-again').addEventListener('click', loadLadder);
$('account-box').addEventListener('toggle', loadAccounts);
document.addEventListener('keydown', e => {
	if (e.key === '/' && !e.target.closest('input, dialog')) {
		e.preventDefault();
		$('filter').focus();
	}
});
addEventListener('resize', () => state.history && drawHour());
addEventListener('pageshow', e => e.persisted && run());

theme(localStorage.getItem('theme') || '');
run();
