// The page of a Jingle client: XMPP and Jingle by the library stanza, the
// rest by the browser.  It does as it is told by the test that serves it
// (peers/chromium.py): commands come from /commands, what happens goes to
// /events and what is heard to /heard, in order.
import * as XMPP from 'stanza';

const AMPLITUDE = 9000 / 32768;	// as peers/tone.py has it
const CHANGE = 3;		// s
const SILENT = 1e-5;		// mean square
const JMI = 'urn:xmpp:jingle-message:0';
const calls = new Map();
let client, opts, audio;

// ---- to the test ----------------------------------------------------------
let line = Promise.resolve();
const post = (path, body) => {
	line = line.then(() => fetch(path, { method: 'POST', body }))
		.catch(() => {});
	return line;
};
const say = (type, data = {}) =>
	post('/events', JSON.stringify({ type, ...data }));

// ---- sound ----------------------------------------------------------------
async function startAudio() {
	audio = new AudioContext({ sampleRate: 48000 });
	await audio.audioWorklet.addModule('/ear.js');
	await audio.resume();
}

function mouth(call) {
	const osc = audio.createOscillator(), gain = audio.createGain();
	const out = audio.createMediaStreamDestination();

	osc.frequency.value = opts.tones[0];
	gain.gain.value = 0;
	osc.connect(gain).connect(out);
	osc.start();
	Object.assign(call, { osc, gain });
	return out.stream;
}

// The tones begin when somebody can hear them.
function speak(call) {
	const now = audio.currentTime;

	if (call.speaking || !call.gain)
		return;
	call.speaking = true;
	call.gain.gain.setValueAtTime(AMPLITUDE, now);
	call.osc.frequency.setValueAtTime(opts.tones[0], now);
	call.osc.frequency.setValueAtTime(opts.tones[1], now + CHANGE);
}

// WebAudio hears a remote track only if an element plays it, too.
function hear(call, track) {
	const stream = new MediaStream([track]);
	const el = new Audio();
	const ear = new AudioWorkletNode(audio, 'ear');

	el.srcObject = stream;
	el.muted = true;
	el.play().catch(() => {});
	call.el = el;
	ear.port.onmessage = ({ data }) => {
		const x = new Int16Array(data.length);
		let power = 0;

		data.forEach((v, i) => {
			power += v * v;
			x[i] = Math.max(-1, Math.min(1, v)) * 32767;
		});
		if (power / x.length > SILENT)
			post('/heard/' + call.sid, x.buffer);
	};
	audio.createMediaStreamSource(stream).connect(ear);
	// a node that leads nowhere is not run
	ear.connect(audio.destination);
}

// ---- the connection -------------------------------------------------------
function prefer(pc) {
	const named = c => c.mimeType.toLowerCase() === 'audio/' +
		opts.codec.toLowerCase() ||
		c.mimeType === 'audio/telephone-event';

	if (!opts.codec)
		return;
	for (const t of pc.getTransceivers())
		t.setCodecPreferences(RTCRtpReceiver.getCapabilities('audio')
			.codecs.filter(named));
}

// A few encoded frames, as they are before encryption.  To be set as soon as
// there is a transceiver, or nothing comes.
function tap(call, pc) {
	if (call.tapped)
		return;
	call.tapped = true;
	const worker = new Worker('/tap.js');
	let n = 0;

	worker.onmessage = ({ data }) => {
		if (n++ < 10)
			post('/wire/' + call.sid, data);
	};
	for (const t of pc.getTransceivers())
		t.sender.transform = new RTCRtpScriptTransform(worker);
}

function connection(session, config) {
	const pc = new RTCPeerConnection({ ...config,
		bundlePolicy: opts.bundle });
	const call = { sid: session.sid, session, pc };
	const wrap = name => {
		const f = pc[name].bind(pc);
		pc[name] = async (...a) => {
			prefer(pc);
			tap(call, pc);
			return f(...a);
		};
	};

	calls.set(session.sid, call);
	wrap('createOffer');
	wrap('createAnswer');
	pc.addEventListener('connectionstatechange', () => {
		if (pc.connectionState === 'connected')
			speak(call);
		say('connection', { sid: call.sid,
			state: pc.connectionState });
	});
	pc.addEventListener('track', e => {
		if (e.track.kind !== 'audio')
			return;
		tap(call, pc);
		hear(call, e.track);
	});
	return pc;
}

async function stats({ pc }) {
	const all = await pc.getStats(), by = {};

	all.forEach(r => (by[r.type] ??= []).push(r));
	const tr = by.transport?.[0] ?? {};
	const pair = all.get(tr.selectedCandidatePairId);
	const cand = id => {
		const c = all.get(id);
		return c && { type: c.candidateType, ip: c.address,
			port: c.port, protocol: c.protocol };
	};

	return {
		local: pair && cand(pair.localCandidateId),
		remote: pair && cand(pair.remoteCandidateId),
		dtls: tr.tlsVersion, srtp: tr.srtpCipher,
		codec: by['outbound-rtp']?.map(
			r => all.get(r.codecId)?.mimeType)[0],
		received: by['inbound-rtp']?.[0]?.packetsReceived ?? 0,
		sent: by['outbound-rtp']?.[0]?.packetsSent ?? 0
	};
}

// ---- what it can be told --------------------------------------------------
const commands = {
	async login(o) {
		opts = o;
		await startAudio();
		client = XMPP.createClient({
			jid: o.jid, password: o.password, resource: o.resource,
			transports: { websocket: o.websocket, bosh: false },
			autoReconnect: false, sendReceipts: !!o.receipts,
			useStreamManagement: false,
			jingle: {
				iceServers: o.ice, trickleIce: true,
				iceTransportPolicy: o.relay ? 'relay' : 'all',
				advertiseVideo: false,
				advertiseFileTransfer: false,
				createPeerConnection: connection
			}
		});
		if (o.jmi)
			client.disco.addFeature(JMI);
		client.on('raw:incoming', x => say('xml', { xml: String(x) }));
		client.on('raw:outgoing',
			x => say('sent-xml', { xml: String(x) }));
		client.on('disconnected', () => say('disconnected'));
		client.on('chat', m => say('chat', { who: m.from, id: m.id,
			body: m.body }));
		client.on('receipt', m => say('receipt', {
			who: m.from, id: m.receipt.id }));
		for (const type of ['available', 'unavailable'])
			client.on(type, p => say('shown', { who: p.from, kind: type,
				show: p.show ?? '', status: p.status ?? '' }));
		client.on('jingle:incoming', s => say('incoming', {
			sid: s.sid, peer: s.peerID }));
		client.on('jingle:accepted',
			s => say('accepted', { sid: s.sid }));
		client.on('jingle:terminated', (s, r) => say('terminated', {
			sid: s.sid, reason: r?.condition ?? String(r) }));
		client.on('jingle:log:*', (l, ...m) => say('log', {
			text: [l, ...m].map(String).join(' ') }));
		client.connect();
		await new Promise((ok, no) => {
			client.once('session:started', ok);
			client.once('auth:failed',
				() => no(new Error('authentication failed')));
			client.once('disconnected',
				() => no(new Error('disconnected')));
		});
		client.updateCaps();
		client.sendPresence({
			legacyCapabilities: client.disco.getCaps() });
		return client.jid;
	},

	async call(to, sid) {
		const call = {};
		const stream = mouth(call);
		const session = client.jingle.createMediaSession(to, sid,
			stream);

		Object.assign(calls.get(sid), call);
		await session.start();
	},

	async accept(sid) {
		const call = calls.get(sid);

		for (const t of mouth(call).getTracks())
			call.pc.addTrack(t);
		await call.session.accept();
	},

	ring: sid => calls.get(sid).session.ring(),
	hold: sid => calls.get(sid).session.hold(),
	resume: sid => calls.get(sid).session.resume(),
	stats: sid => stats(calls.get(sid)),

	async end(sid, reason) {
		await calls.get(sid).session.end(reason);
	},

	dtmf(sid, digits) {
		calls.get(sid).pc.getSenders().find(s => s.dtmf).dtmf
			.insertDTMF(digits, 100, 70);
	},

	message: m => client.sendMessage(m),
	show: p => { client.sendPresence({ ...p,
		legacyCapabilities: client.disco.getCaps() }); },

	write(xml) {
		client.transport.write(xml);
	},

	logout() {
		client?.disconnect();
	}
};

async function run({ id, name, args }) {
	try {
		await say('done', { id, value: await commands[name](...args) });
	} catch (e) {
		await say('done', { id, error: String(e) });
	}
}

async function listen() {
	for (;;) {
		const r = await fetch('/commands');

		for (const c of await r.json())
			run(c);
	}
}

window.addEventListener('unhandledrejection', e =>
	say('log', { text: 'unhandled: ' + e.reason }));
window.addEventListener('error', e => say('log', { text: e.message }));
say('ready').then(listen);
