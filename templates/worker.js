"use strict";
// Python in the browser: the runtime, the engine and SymPy are handed over by the page.
let answer;

async function begin({ runtime, address, engine }) {
  const say = (words) => postMessage({ said: words });
  const settings = { indexURL: address };
  let load;
  if (runtime) {
    const url = (name, type) => URL.createObjectURL(new Blob([runtime[name]], { type }));
    const usual = self.fetch;
    self.fetch = (what, given) =>
      String(what).endsWith("pyodide.asm.wasm")
        ? Promise.resolve(new Response(runtime["pyodide.asm.wasm"], { headers: { "Content-Type": "application/wasm" } }))
        : usual(what, given);
    load = await import(url("pyodide.mjs", "text/javascript"));
    const made = await import(url("pyodide.asm.mjs", "text/javascript"));
    settings.createPyodideModule = made.default;
    settings.stdLibURL = url("python_stdlib.zip", "application/zip");
    settings.lockFileContents = new TextDecoder().decode(runtime["pyodide-lock.json"]);
  } else {
    load = await import(`${address}pyodide.mjs`);
  }
  say("starting Python ...");
  const python = await load.loadPyodide(settings);
  say("reading SymPy ...");
  python.unpackArchive(engine, "zip", { extractDir: "/engine" });
  python.runPython("import sys; sys.path.insert(0, '/engine'); sys.setrecursionlimit(3000)");
  const asked = python.runPython(`
import json
from symderiv.page.answering import answer
lambda text: json.dumps(answer(json.loads(text)))
`);
  answer = (question) => JSON.parse(asked(JSON.stringify(question)));
}

onmessage = async ({ data }) => {
  try {
    if (data.begin) {
      await begin(data.begin);
      postMessage({ ready: true });
    } else {
      postMessage({ turn: data.turn, answer: answer(data.question) });
    }
  } catch (error) {
    const refusal = { ok: false, error: { message: `no answer: ${error.message}`, remedy: "" } };
    postMessage({ turn: data.turn, answer: refusal, failed: Boolean(data.begin), said: error.message });
  }
};
