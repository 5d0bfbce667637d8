/**
 * TLS sessions of trusted servers, to be taken up again by the next connection: without keepalive every chunk makes a
 * connection of its own, and a resumed handshake needs no certificates and no signatures.
 *
 * A server that fails a resumed handshake is never offered one again: some servers that ask for client certificates do
 * so. Limit: SERVERS_LIMIT servers, the oldest is forgotten.
 */

const SERVERS_LIMIT = 1024;

const NEVER = Symbol("never");

export class ResumableSessions {
  readonly #sessions = new Map<string, Buffer | typeof NEVER>();

  of(server: string): Buffer | undefined {
    const session = this.#sessions.get(server);
    return session === NEVER ? undefined : session;
  }

  /** Only for a server whose certificate was checked: it will not be checked again. */
  keep(server: string, session: Buffer): void {
    if (this.#sessions.get(server) === NEVER) return;
    this.#sessions.set(server, session);
    this.#forgetOldest();
  }

  refuse(server: string): void {
    this.#sessions.set(server, NEVER);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    if (this.#sessions.size <= SERVERS_LIMIT) return;
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest);
      return;
    }
  }
}
