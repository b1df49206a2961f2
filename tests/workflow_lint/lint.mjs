// Print, as JSON, what GitHub's own language service says about the workflows given.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

// The package is built for a bundler: its imports of JSON lack the attribute that Node asks for.
registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
});
const { validate } = await import("@actions/languageservice");
const { TextDocument } = await import("vscode-languageserver-textdocument");

const messages = [];
for (const file of process.argv.slice(2)) {
  const url = pathToFileURL(file).href;
  const document = TextDocument.create(url, "yaml", 1, readFileSync(file, "utf8"));
  messages.push(...(await validate(document)).map((found) => found.message));
}
console.log(JSON.stringify(messages));
