/** Suiro's own version; a test compares it with package.json. */
export const VERSION = "0.1.0";

/** The version of fluentd whose behaviour is the contract. */
export const FLUENTD_VERSION = "1.18.0";

/**
 * What `--version` prints. Scripts that call the command by the name `fluentd` find the version where fluentd has it.
 * Source: fluentd 1.18 `fluentd --version`.
 */
export function versionText(commandName: string): string {
  if (commandName === "fluentd") return `fluentd ${FLUENTD_VERSION} (provided by suiro ${VERSION})`;
  return `suiro ${VERSION} (compatible with fluentd ${FLUENTD_VERSION})`;
}
