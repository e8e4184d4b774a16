"use strict";
(async () => {
  const state = by("state");
  async function held(id, packed) {
    const text = document.getElementById(id).textContent.trim();
    const found = await fetch(`data:application/octet-stream;base64,${text}`);
    const body = packed ? found.body.pipeThrough(new DecompressionStream("gzip")) : found.body;
    return new Uint8Array(await new Response(body).arrayBuffer());
  }
  state.textContent = "loading Python ...";
  const names = document.getElementById("runtime").dataset.names.split(" ").filter(Boolean);
  const runtime = names.length ? {} : null;
  for (const name of names) runtime[name] = await held(`runtime-${name}`, true);
  const script = new Blob([document.getElementById("worker").textContent], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(script));
  const waiting = new Map();
  let turns = 0;
  const ready = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.failed) reject(new Error(data.said));
      else if (data.said) state.textContent = data.said;
      else if (data.ready) resolve();
      else {
        waiting.get(data.turn)(data.answer);
        waiting.delete(data.turn);
      }
    };
    worker.onerror = (e) => reject(new Error(e.message));
  });
  const address = document.getElementById("runtime").dataset.address;
  worker.postMessage({ begin: { runtime, address, engine: await held("engine", false) } });
  try {
    await ready;
  } catch (error) {
    state.textContent = `Python could not be loaded: ${error.message}`;
    return;
  }
  state.textContent = "";
  await start((question) => new Promise((resolve) => {
    waiting.set(++turns, resolve);
    worker.postMessage({ turn: turns, question });
  }));
})();
