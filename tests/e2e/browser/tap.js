// Encoded frames on their way to encryption: passed on, some copied.
onrtctransform = ({ transformer: { readable, writable } }) => {
	let n = 0;

	readable.pipeThrough(new TransformStream({
		transform(frame, out) {
			if (frame.data.byteLength > 20 && n++ % 20 === 0)
				postMessage(frame.data.slice(0));
			out.enqueue(frame);
		}
	})).pipeTo(writable);
};
