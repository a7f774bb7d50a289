// What a remote track plays, in pieces of 100 ms.
class Ear extends AudioWorkletProcessor {
	constructor() {
		super();
		this.have = [];
		this.n = 0;
	}

	process([input]) {
		if (input[0]) {
			this.have.push(input[0].slice());
			this.n += input[0].length;
		}
		if (this.n >= sampleRate / 10) {
			const x = new Float32Array(this.n);
			let at = 0;

			for (const h of this.have) {
				x.set(h, at);
				at += h.length;
			}
			this.port.postMessage(x, [x.buffer]);
			this.have = [];
			this.n = 0;
		}
		return true;
	}
}
registerProcessor('ear', Ear);
