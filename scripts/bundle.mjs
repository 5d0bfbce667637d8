// From src/ and the npm packages that it uses to a few files in dist/: to find, read and compile hundreds of small ones
// took a start as long as all that is done in them. What src/ imports lazily stays in files of its own.
//   node scripts/bundle.mjs      checks no types; scripts/prepare.mjs does both
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist");

const bundle = await rolldown({
  cwd: root,
  input: { main: "src/main.ts" },
  platform: "node",
  // Of the Kubernetes client library only what is used: its modules say nothing of it, and do nothing when loaded.
  // node-fetch has it for runtimes without URL; it loads punycode, of which later ones warn.
  resolve: { alias: { "whatwg-url": "node:url" } },
  treeshake: { moduleSideEffects: (id) => !id.includes("@kubernetes/client-node") },
  plugins: [{ name: "builtin-modules", renderChunk: withoutFacades }],
});
const { output } = await bundle.write({
  dir: target,
  cleanDir: true,
  chunkFileNames: "[name].js",
  sourcemap: true,
  sourcemapExcludeSources: true,
  comments: false,
  charset: "ascii", // One character beyond Latin-1, and V8 keeps two bytes for each of the file.
  codeSplitting: {
    groups: [
      { name: "program", test: /src.cli.program\.ts$/, priority: 1 },
      // What a forwarder with a file buffer needs, and nearly all else is built on: a start reads it in one piece.
      { name: "core", test: /src.(cli.run|input.forward|output.forward.forward)\.ts$/ },
    ],
  },
});
const modules = output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
writeFileSync(join(target, "LICENSES.txt"), packagesOf(modules).map(licenseOf).join("\n"));

/**
 * Where a built-in module is imported, Node.js reads each of its properties, also those that load much more, as
 * node:http does with all of fetch. Where it is asked for the module, only those are read that are used.
 */
function withoutFacades(code) {
  const imports = /^import (?:\* as )?([\w$]+)?(?:, )?(\{.*\})? from "(\S+)";$/gm;
  const asked = code.replace(imports, (line, whole, names, name) => {
    if (!isBuiltin(name)) return line;
    const module = `process.getBuiltinModule("${name}")`;
    const parts = [whole && `${whole} = ${module}`, names && `${names.replaceAll(" as ", ": ")} = ${module}`];
    return `const ${parts.filter(Boolean).join(", ")};`;
  });
  return { code: asked, map: null }; // Lines stay where they are.
}

/** The folders of the npm packages that have any of the modules. */
function packagesOf(ids) {
  const folder = /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/;
  return [...new Set(ids.map((id) => folder.exec(id)?.[0]).filter(Boolean))].sort();
}

/** Whoever passes on code of others passes on their terms. */
function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version}, ${license}\n\n${file ? readFileSync(join(folder, file), "utf8") : ""}\n`;
}
