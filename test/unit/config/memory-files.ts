import type { ConfigFiles } from "../../../src/config/files.ts";

/** A file system of texts by absolute path. */
export function memoryFiles(texts: Readonly<Record<string, string>>): ConfigFiles {
  const paths = Object.keys(texts);
  return {
    read(path) {
      const text = texts[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
      return text;
    },
    names(folder) {
      const prefix = folder === "/" ? "/" : `${folder}/`;
      const below = paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
      return [...new Set(below.map((path) => path.split("/")[0] as string))].sort();
    },
    kind(path) {
      if (texts[path] !== undefined) return "file";
      return paths.some((other) => other.startsWith(`${path}/`)) ? "folder" : undefined;
    },
    identity: (path) => path,
  };
}
