/**
 * The client library's configuration, made of a filter's: address, certificates, token. Files are read for each
 * connection, since Kubernetes renews them.
 */

import { readFileSync } from "node:fs";
import { Agent, type RequestOptions } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { Clock } from "../../clock.ts";
import { errorMessage, NetworkError } from "../../errors.ts";
import { systemCertificates } from "../../tls/trust-store.ts";
import type { ApiSettings } from "./api-settings.ts";
import { KubeConfig, type RequestContext } from "./client-library.ts";
import { LimitedConnections } from "./connection-limits.ts";

export interface AnswerLimit {
  readonly maxBytes: number;
  readonly tooMuch: string;
  /** Connections at the same time; requests beyond them wait. */
  readonly maxConnections: number;
}

export class ApiConnection extends KubeConfig {
  readonly #settings: ApiSettings;
  readonly #connections: LimitedConnections;
  readonly #agent: Agent;

  constructor(settings: ApiSettings, { maxBytes, tooMuch, maxConnections }: AnswerLimit, clock: Clock) {
    super();
    const { baseUrl, openTimeoutMs, caFile, certFile, keyFile, tokenFile, verify } = settings;
    const isTls = baseUrl.startsWith("https:");
    this.#settings = settings;
    this.#agent = new (isTls ? TlsAgent : Agent)({ keepAlive: false, maxSockets: maxConnections });
    this.#connections = new LimitedConnections({ openTimeoutMs, maxBytes, tooMuch }, clock);
    this.#connections.limit(this.#agent, isTls ? "secureConnect" : "connect");
    this.loadFromClusterAndUser(
      // The library takes plain HTTP only from who does not ask for a certificate.
      { name: "api", server: baseUrl, skipTLSVerify: !(verify && isTls), ...(caFile !== undefined && { caFile }) },
      {
        name: "filter",
        ...(certFile !== undefined && { certFile }),
        ...(keyFile !== undefined && { keyFile }),
        ...(tokenFile !== undefined && { authProvider: { name: TokenOfFile.provider, config: { path: tokenFile } } }),
      },
    );
    this.addAuthenticator(new TokenOfFile());
  }

  /** As the library's watch asks for. */
  override async applyToFetchOptions(options: RequestOptions) {
    const applied = await super.applyToFetchOptions(options);
    return { ...applied, agent: this.#with(applied.agent) };
  }

  /** As the library's requests ask for. */
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    context.setAgent(this.#with(context.getAgent()));
  }

  /** What came was whole: its bytes do not count any more. */
  progress(): void {
    this.#connections.progress();
  }

  /** Ends all connections; their requests fail. */
  close(): void {
    this.#connections.destroy();
    this.#agent.destroy();
  }

  /** The one agent with limits, with the certificates that the library read just now into one of its own. */
  #with(fresh: unknown): Agent {
    const { verify, caFile, partialChain } = this.#settings;
    if (this.#agent instanceof TlsAgent) {
      const { ca, cert, key } = (fresh as TlsAgent).options;
      Object.assign(this.#agent.options, {
        ...{ ca: verify && caFile === undefined ? systemCertificates() : ca, cert, key },
        rejectUnauthorized: verify,
        ...(partialChain && { allowPartialTrustChain: true }),
      });
    }
    return this.#agent;
  }
}

/** The library's own reads a file once a minute, and takes a line end at its end for part of the token. */
class TokenOfFile {
  static readonly provider = "bearer_token_file";

  isAuthProvider(user: { readonly authProvider?: { readonly name?: unknown } }): boolean {
    return user.authProvider?.name === TokenOfFile.provider;
  }

  async applyAuthentication(
    user: { readonly authProvider?: { readonly config: { readonly path: string } } },
    options: RequestOptions,
  ): Promise<void> {
    const path = user.authProvider?.config.path as string;
    options.headers = { ...(options.headers as object), Authorization: `Bearer ${readToken(path)}` };
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new NetworkError(`bearer_token_file ${path} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}
