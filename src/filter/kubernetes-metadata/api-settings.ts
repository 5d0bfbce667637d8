/** Where the API is and what to show it: the configuration, else the pod's environment and service account. */

import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { rubyRegexp } from "../../config/ruby/regexp.ts";
import { ConfigError, type SourcePosition } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { checkKeyPair, readCertificates, readPrivateKey } from "../../tls/certificate-files.ts";
import type { FieldChoice } from "./api-objects.ts";
import type { KubernetesMetadataConfig } from "./parameters.ts";

export interface ApiSettings {
  /** Up to and with the API's version, without a slash at the end: `https://10.0.0.1:443/api/v1`. */
  readonly baseUrl: string;
  readonly openTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly verify: boolean;
  readonly partialChain: boolean;
}

/** As in records: without a version, as it was written. Undefined where there is no API. */
export function apiUrl(config: KubernetesMetadataConfig, environment: NodeJS.ProcessEnv): string | undefined {
  if (config.kubernetesUrl !== undefined) return config.kubernetesUrl || undefined;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) return undefined;
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}/api`;
}

/** Throws ConfigError for a URL that is none, and for files that are named and cannot be used. */
export function apiSettings(config: KubernetesMetadataConfig, url: string): ApiSettings {
  const { position } = config.element;
  const inPod = (name: string) => {
    const path = join(config.secretDir, name);
    return existsSync(path) ? path : undefined;
  };
  checkFiles(config, position);
  return {
    baseUrl: `${checkedUrl(url, position)}/${config.apiVersion}`,
    openTimeoutMs: config.openTimeout * 1000,
    readTimeoutMs: config.readTimeout * 1000,
    tokenFile: config.bearerTokenFile || inPod("token"),
    caFile: config.caFile || inPod("ca.crt"),
    certFile: config.clientCert || undefined,
    keyFile: config.clientKey || undefined,
    verify: config.verifySsl,
    partialChain: config.sslPartialChain,
  };
}

/** Expressions of annotation_match that are none are logged and left out, as the plugin does. */
export function fieldChoice(config: KubernetesMetadataConfig, url: string | undefined, logger: Logger): FieldChoice {
  const annotations = config.annotationMatch.flatMap((source) => {
    try {
      return [rubyRegexp(source)];
    } catch (error) {
      logger.error(`annotation_match: ${(error as Error).message}; it matches nothing`);
      return [];
    }
  });
  return {
    podLabels: !config.skipLabels && !config.skipPodLabels,
    namespaceLabels: !config.skipLabels && !config.skipNamespaceLabels,
    containers: !config.skipContainerMetadata,
    owners: config.includeOwnerrefsMetadata,
    masterUrl: config.skipMasterUrl ? undefined : url,
    annotations,
  };
}

function checkedUrl(text: string, position: SourcePosition): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:") {
    throw new ConfigError(`kubernetes_url: '${text}' is no address; write https://HOST:PORT/api`, position);
  }
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${/\/o?api(s\/[^/]+)?$/i.test(path) ? path : `${path}/api`}`;
}

function checkFiles(config: KubernetesMetadataConfig, position: SourcePosition): void {
  const { bearerTokenFile, caFile, clientCert, clientKey } = config;
  if (bearerTokenFile && !existsSync(bearerTokenFile)) {
    const message = `bearer_token_file: ${bearerTokenFile} does not exist; create it or correct the path`;
    throw new ConfigError(message, position);
  }
  if (caFile) readCertificates({ name: "ca_file", path: caFile, position });
  if (!clientCert && !clientKey) return;
  if (!clientCert || !clientKey) {
    throw new ConfigError("client_cert and client_key go together; set both or none", position);
  }
  const file = { name: "client_cert", path: clientCert, position };
  const [certificate] = readCertificates(file);
  const key = readPrivateKey(
    { name: "client_key", path: clientKey, position },
    { name: "client_key", value: undefined },
  );
  checkKeyPair(certificate as string, key, file, clientKey);
}
