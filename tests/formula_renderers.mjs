// Reads formulas as JSON on standard input and prints what KaTeX and MathJax 3 object to, as JSON.
import { createRequire } from "node:module";
const require = createRequire(process.argv[2] + "/");
const katex = require("katex");
const { mathjax } = require("mathjax-full/js/mathjax.js");
const { TeX } = require("mathjax-full/js/input/tex.js");
const { SerializedMmlVisitor } = require("mathjax-full/js/core/MmlTree/SerializedMmlVisitor.js");
const { liteAdaptor } = require("mathjax-full/js/adaptors/liteAdaptor.js");
const { RegisterHTMLHandler } = require("mathjax-full/js/handlers/html.js");
const { STATE } = require("mathjax-full/js/core/MathItem.js");
require("mathjax-full/js/input/tex/ams/AmsConfiguration.js");
require("mathjax-full/js/input/tex/boldsymbol/BoldsymbolConfiguration.js"); // loaded when it is used

RegisterHTMLHandler(liteAdaptor());
// Without noundefined and noerrors, which print what is unknown in red and say nothing.
const page = mathjax.document("", { InputJax: new TeX({ packages: ["base", "ams", "boldsymbol"] }) });
const visitor = new SerializedMmlVisitor();

let given = "";
for await (const chunk of process.stdin) given += chunk;
const found = [];
for (const [tex, display] of JSON.parse(given)) {
  try {
    katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: "error" });
  } catch (error) {
    found.push(["katex", tex, String(error.message)]);
  }
  const tree = page.convert(tex, { display, end: STATE.CONVERT });
  const mathml = visitor.visitTree(tree);
  if (mathml.includes("<merror")) found.push(["mathjax", tex, mathml]);
}
console.log(JSON.stringify(found));
