import type { FileSystem } from "../../src/buffer/file-system.ts";

/** Thrown by every operation once the process or the machine is gone. */
export class CrashError extends Error {}

/** A change of bytes that is not on the platter yet. */
type Change = { readonly position: number; readonly bytes: Buffer } | { readonly length: number };

/** A change of names that is not on the platter yet. */
interface NameChange {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly inode: Inode | undefined;
}

interface Inode {
  content: Buffer;
  durable: Buffer;
  changes: Change[];
}

/**
 * A disk in memory that can lose power. Every operation that changes it is one point at which the process may be killed
 * (all that was done stays) or the power may go (of what was not synced, each piece stays, is torn, or is lost).
 */
export class SimulatedDisk {
  /** Operations so far that a crash can come at. */
  operations = 0;
  /** The operation that does not come through any more. */
  crashAt = Number.POSITIVE_INFINITY;
  /** The share of that operation's bytes that still gets written. */
  tornShare = 0;
  isCrashed = false;
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #nameChanges: NameChange[] = [];
  readonly #open = new Map<number, Inode>();
  #nextFile = 3;
  #starts = 1;

  readonly fileSystem: FileSystem = {
    open: (path, purpose) => this.#openFile(path, purpose),
    write: (file, views, position) => this.#write(file, Buffer.concat(views), position),
    truncate: (file, length) => {
      this.#step();
      this.#change(this.#inode(file), { length });
    },
    close: (file) => void this.#open.delete(file),
    standing: (file, path) => {
      const inode = this.#inode(file);
      if (inode === this.#names.get(path)) return "in place";
      return [...this.#names.values()].includes(inode) ? "elsewhere" : "deleted";
    },
    rename: (from, to) => {
      this.#step();
      const inode = this.#named(from);
      this.#names.delete(from);
      this.#names.set(to, inode);
      this.#nameChanges.push({ from, to, inode });
    },
    makeDirectory: () => this.#alive(),
    readAll: (path) => Buffer.from(this.#named(path).content),
    status: (path) => {
      this.#alive();
      const inode = this.#names.get(path);
      const isDirectory = !inode && [...this.#names.keys()].some((name) => name.startsWith(`${path}/`));
      if (!inode && !isDirectory) return undefined;
      const byteSize = inode?.content.length ?? 0;
      return { isFile: !isDirectory, isDirectory, byteSize, changedAtMs: 0, modifiedAtMs: 0 };
    },
    list: (path) => {
      this.#alive();
      const names = [...this.#names.keys()].filter((name) => name.startsWith(`${path}/`));
      return names
        .map((name) => name.slice(path.length + 1))
        .filter((name) => !name.includes("/"))
        .sort();
    },
    read: async (file, target, position) => this.fileSystem.readNow(file, target, position),
    readNow: (file, target, position) => {
      this.#alive();
      return this.#inode(file).content.copy(target, 0, position);
    },
    remove: async (path) => {
      this.#step();
      if (this.#names.delete(path)) this.#nameChanges.push({ from: path, to: undefined, inode: undefined });
    },
    copy: async () => this.#alive(),
    sync: (path) => this.#sync(path),
    now: () => Number.POSITIVE_INFINITY, // All files are old: what is read comes from the disk.
    machineStart: () => String(this.#starts),
    machineStartedAtMs: () => 1,
  };

  /** Descriptors that nobody closed. */
  get openFiles(): number {
    return this.#open.size;
  }

  /** Changes the bytes of a file behind everybody's back. */
  rot(path: string, change: (bytes: Buffer) => void): void {
    const inode = this.#named(path);
    change(inode.content);
  }

  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The process was killed: everything that it did is there. */
  restartProcess(): void {
    this.#restart();
  }

  /**
   * The power went: of what was not synced, `pick` says what is there: all (1), nothing (0), or the first part. Bytes
   * that were there before change all or not at all: the files are smaller than a sector of a real disk.
   */
  restartMachine(pick: () => number): void {
    for (const inode of new Set([...this.#names.values(), ...this.#durableNames.values(), ...this.#renamed()])) {
      inode.content = Buffer.from(inode.durable);
      for (const change of inode.changes) {
        const share = pick();
        if ("length" in change) {
          if (share === 1) apply(inode, change);
        } else if (share > 0) {
          const isOverwrite = change.position + change.bytes.length <= inode.durable.length;
          const kept = isOverwrite ? change.bytes.length : Math.ceil(change.bytes.length * share);
          apply(inode, { ...change, bytes: change.bytes.subarray(0, kept) });
        }
      }
    }
    this.#names.clear();
    for (const [name, inode] of this.#durableNames) this.#names.set(name, inode);
    for (const change of this.#nameChanges) if (pick() > 0) applyName(this.#names, change);
    for (const inode of this.#names.values()) {
      inode.durable = Buffer.from(inode.content);
      inode.changes = [];
    }
    this.#durableNames.clear();
    for (const [name, inode] of this.#names) this.#durableNames.set(name, inode);
    this.#nameChanges = [];
    this.#starts += 1;
    this.#restart();
  }

  #restart(): void {
    this.#open.clear();
    this.isCrashed = false;
    this.crashAt = Number.POSITIVE_INFINITY;
  }

  #renamed(): Inode[] {
    return this.#nameChanges.flatMap(({ inode }) => (inode ? [inode] : []));
  }

  #alive(): void {
    if (this.isCrashed) throw new CrashError("the process is gone");
  }

  #step(): void {
    this.#alive();
    this.operations += 1;
    if (this.operations < this.crashAt) return;
    this.isCrashed = true;
    throw new CrashError("the process is gone");
  }

  #openFile(path: string, purpose: "create" | "update" | "read"): number {
    this.#alive();
    let inode = this.#names.get(path);
    if (purpose === "create") {
      this.#step();
      if (inode) this.#change(inode, { length: 0 });
      else {
        inode = { content: Buffer.alloc(0), durable: Buffer.alloc(0), changes: [] };
        this.#names.set(path, inode);
        this.#nameChanges.push({ from: undefined, to: path, inode });
      }
    }
    if (!inode) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    const file = this.#nextFile++;
    this.#open.set(file, inode);
    return file;
  }

  #write(file: number, bytes: Buffer, position: number): number {
    const inode = this.#inode(file);
    try {
      this.#step();
    } catch (error) {
      const torn = bytes.subarray(0, Math.floor(bytes.length * this.tornShare));
      if (this.operations === this.crashAt && torn.length > 0) this.#change(inode, { position, bytes: torn });
      this.crashAt = -1;
      throw error;
    }
    this.#change(inode, { position, bytes });
    return bytes.length;
  }

  async #sync(path: string): Promise<void> {
    this.#alive();
    const inode = this.#names.get(path);
    const isFolder = !inode && [...this.#names.keys()].some((name) => name.startsWith(`${path}/`));
    if (!inode && !isFolder) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    const content = inode && Buffer.from(inode.content);
    const changes = inode?.changes.length ?? 0;
    const names = this.#nameChanges.length;
    await new Promise((resolve) => setImmediate(resolve));
    this.#step();
    if (inode && content) {
      inode.durable = content;
      inode.changes.splice(0, changes);
      return;
    }
    for (const change of this.#nameChanges.splice(0, names)) applyName(this.#durableNames, change);
  }

  #change(inode: Inode, change: Change): void {
    const own = "bytes" in change ? { ...change, bytes: Buffer.from(change.bytes) } : change;
    apply(inode, own);
    inode.changes.push(own);
  }

  #named(path: string): Inode {
    this.#alive();
    const inode = this.#names.get(path);
    if (!inode) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return inode;
  }

  #inode(file: number): Inode {
    this.#alive();
    const inode = this.#open.get(file);
    if (!inode) throw Object.assign(new Error(`EBADF: ${file}`), { code: "EBADF" });
    return inode;
  }
}

function apply(inode: Inode, change: Change): void {
  const length =
    "length" in change ? change.length : Math.max(inode.content.length, change.position + change.bytes.length);
  if (length !== inode.content.length) {
    const content = Buffer.alloc(length);
    inode.content.copy(content);
    inode.content = content;
  } else inode.content = Buffer.from(inode.content);
  if ("bytes" in change) change.bytes.copy(inode.content, change.position);
}

function applyName(names: Map<string, Inode>, { from, to, inode }: NameChange): void {
  if (from !== undefined && to !== undefined) {
    if (!names.delete(from)) return; // It never had that name here.
    if (inode) names.set(to, inode);
  } else if (from !== undefined) names.delete(from);
  else if (to !== undefined && inode) names.set(to, inode);
}
