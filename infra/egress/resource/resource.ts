/** The shape that every cloud resource has here: what is wanted, what is there, and the commands between the two. */

import type { GcloudArguments } from "../gcloud.ts";

/** In the order of creation; removal goes the other way, so that traffic never points at something half built. */
export const kinds = [
  "address",
  "internal address",
  "health check",
  "instance template",
  "instance group",
  "instance",
  "firewall rule",
  "route",
] as const;
export type Kind = (typeof kinds)[number];

/** Comparable properties; lists are sorted and joined, URLs cut to names. */
export type Facts = Readonly<Record<string, string>>;

export interface Wanted {
  readonly kind: Kind;
  readonly name: string;
  readonly facts: Facts;
  readonly create: readonly GcloudArguments[];
  /** Commands that mend the named facts in place; undefined when only a new resource can. */
  update(changed: readonly string[], existing: Existing): readonly GcloudArguments[] | undefined;
  /** A VM that must say that it is ready before any route leads to it. */
  readonly ready?: { readonly instance: string; readonly zone: string };
}

export interface Existing {
  readonly kind: Kind;
  readonly name: string;
  /** Whether this tool made it, for this name. */
  readonly owned: boolean;
  readonly facts: Facts;
  readonly remove: readonly GcloudArguments[];
  /** What the cloud itself complains about. */
  readonly warnings: readonly string[];
}

/** The last part of a resource URL: its name. */
export function lastPart(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

export function joined(items: readonly string[] | undefined): string {
  return [...(items ?? [])].sort().join(" ");
}

/** The mark in a description by which this tool knows its own resources. */
export function mark(name: string): string {
  return `managed-by=suiro-egress name=${name}`;
}

export function isMarked(description: string | undefined, name: string): boolean {
  return description === mark(name);
}

/** Names of the facts that differ. A wanted fact that is absent in what exists counts as different. */
export function differences(wanted: Facts, existing: Facts): string[] {
  return Object.keys(wanted).filter((fact) => wanted[fact] !== existing[fact]);
}
