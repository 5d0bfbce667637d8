/**
 * Values of labels: `$.field` reads a field, anything else is a text in which `${…}` stands for the tag, pieces of it, the
 * host, the worker, or a field of the record. Source: fluent-plugin-prometheus 2.3 placeholder_expander.rb, prometheus.rb.
 */

import type { SourcePosition } from "../errors.ts";
import { isArrayType } from "../event/msgpack-header.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import { ABSENT } from "../event/record-fields.ts";
import { type FieldPath, findPath, readText } from "../event/record-reader.ts";
import { isMapType } from "../event/walker.ts";

/** The event that a label is made for: its record starts at `recordStart`. */
export interface LabelledEvent {
  readonly tag: string;
  readonly packed: Buffer;
  readonly recordStart: number;
}

export interface LabelSurroundings {
  readonly hostname: string;
  readonly worker: WorkerPlace;
  /** Hears of each placeholder that stands for nothing; it stays as it is written. */
  unknown(placeholder: string): void;
}

/** Which worker a plugin runs in. */
export interface WorkerPlace {
  readonly id: number;
  /** Several run the plugin: what each counts has its number as a label. */
  readonly isOneOfSeveral: boolean;
}

export function workerPlace({ workers, workerId = 0 }: { workers: number; workerId?: number }): WorkerPlace {
  return { id: workerId, isOneOfSeveral: workers > 1 };
}

export interface LabelTemplate {
  /** A field or a placeholder: the value is not known before an event comes. */
  readonly isVariable: boolean;
  readonly isAccessor: boolean;
  value(event: LabelledEvent): string;
}

const PLACEHOLDER = /(\$\{[^[}]+(?:\[[^\]]+\])?\})/;
const TAG_PIECE = /^\$\{tag(?:_(parts|prefix|suffix)\[(-?\d+)\])?\}$/;
/** Whatever a record's field is named, these come from the tag alone. */
const OF_TAG = /^\$\{tag(_parts|_prefix|_suffix)?(\[[^\]]*\])?\}$/;

type Piece = (event: LabelledEvent) => string | undefined;

export function labelTemplate(text: string, around: LabelSurroundings, position?: SourcePosition): LabelTemplate {
  if (text.startsWith("$.") || text.startsWith("$[")) {
    const path = recordAccessor(text, position);
    return { isVariable: true, isAccessor: true, value: (event) => fieldText(event, path) ?? "" };
  }
  const parts = text.split(PLACEHOLDER);
  const pieces = parts.map((part, index): string | Piece => (index % 2 === 0 ? part : resolved(part, around)));
  const value = (event: LabelledEvent) =>
    pieces.map((piece) => (typeof piece === "string" ? piece : piece(event))).join("");
  return { isVariable: text.startsWith("${"), isAccessor: false, value };
}

function resolved(placeholder: string, around: LabelSurroundings): Piece {
  const { unknown } = around;
  const piece = pieceOf(placeholder, around);
  return (event) => {
    const text = piece(event);
    if (text === undefined) unknown(placeholder);
    return text ?? placeholder;
  };
}

function pieceOf(placeholder: string, { hostname, worker }: LabelSurroundings): Piece {
  if (placeholder === "${hostname}") return () => hostname;
  if (placeholder === "${worker_id}") return () => String(worker.id);
  const [, kind, index] = TAG_PIECE.exec(placeholder) ?? [];
  if (placeholder === "${tag}") return ({ tag }) => tag;
  if (kind !== undefined) return ({ tag }) => tagPiece(tag, kind, Number(index));
  if (OF_TAG.test(placeholder)) return () => undefined;
  return fieldPiece(placeholder);
}

function tagPiece(tag: string, kind: string, index: number): string | undefined {
  const parts = tag === "" ? [] : tag.replace(/\.+$/, "").split(".");
  if (kind === "parts") return parts.at(index);
  if (index < 0 || index >= parts.length) return undefined;
  return (kind === "prefix" ? parts.slice(0, index + 1) : parts.slice(-index - 1)).join(".");
}

/** `${name}` is a field that is neither array nor hash, `${name[0]}` an element, `${name["key"]}` a hash's value. */
function fieldPiece(placeholder: string): Piece {
  const [, name = "", element, key] =
    /^\$\{([^[}]+)(?:\[(-?\d+)\]|\["(.*)"\])?\}$/s.exec(placeholder) ?? /^\$\{(.*)\}$/s.exec(placeholder) ?? [];
  const field = Buffer.from(name);
  if (element !== undefined) return (event) => textAt(event, [field, Number(element)]);
  if (key !== undefined) return (event) => textAt(event, [field, Buffer.from(key)]);
  return (event) => {
    const at = findPath(event.packed, event.recordStart, [field]);
    if (at === ABSENT) return undefined;
    const type = event.packed[at] as number;
    return isMapType(type) || isArrayType(type) ? undefined : textOf(event, at);
  };
}

function textAt(event: LabelledEvent, path: FieldPath): string | undefined {
  const at = findPath(event.packed, event.recordStart, path);
  return at === ABSENT ? undefined : textOf(event, at);
}

function textOf({ packed }: LabelledEvent, at: number): string {
  return readText(packed, at, packed.length) ?? "";
}

function fieldText(event: LabelledEvent, path: FieldPath): string | undefined {
  return textAt(event, path);
}
