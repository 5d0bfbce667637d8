/** `Socket` of embedded Ruby: the machine's name and addresses, which configurations put into tags and hosts. */

import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { RubyBinary, RubyObject } from "./values.ts";

export function socketConstant(hostname: string): RubyObject {
  return new RubyObject("Socket", {
    gethostname: () => new RubyBinary(hostname),
    getifaddrs: () =>
      interfaces().map(
        ([name, info]) => new RubyObject("Socket::Ifaddr", { name: () => name, addr: () => address(info) }),
      ),
    ip_address_list: () => interfaces().map(([, info]) => address(info)),
  });
}

function interfaces(): [string, NetworkInterfaceInfo][] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos]) =>
    (infos ?? []).map((info): [string, NetworkInterfaceInfo] => [name, info]),
  );
}

function address({ address: text, family, internal }: NetworkInterfaceInfo): RubyObject {
  const isIpv4 = family === "IPv4";
  return new RubyObject(
    "Addrinfo",
    {
      ip_address: () => text,
      "ip?": () => true,
      "ipv4?": () => isIpv4,
      "ipv6?": () => !isIpv4,
      "ipv4_loopback?": () => isIpv4 && internal,
      "ipv6_loopback?": () => !isIpv4 && internal,
      "ipv4_private?": () => isIpv4 && /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./.test(text),
      "ipv6_linklocal?": () => !isIpv4 && /^fe[89ab]/i.test(text),
    },
    text,
  );
}
