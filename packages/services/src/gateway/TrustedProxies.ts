/** Whose `X-Forwarded-*` headers are believed: addresses and networks in CIDR notation. */
import { BlockList, isIP } from "node:net";

export interface TrustedProxies {
  readonly has: (address: string) => boolean;
}

/** A balancer or a load generator on the same machine. */
export const loopback: ReadonlyArray<string> = ["127.0.0.0/8", "::1"];

const mappedIpv4 = "::ffff:";

const normalized = (address: string): string =>
  address.startsWith(mappedIpv4) && isIP(address.slice(mappedIpv4.length)) === 4
    ? address.slice(mappedIpv4.length)
    : address;

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

/** Throws for what is neither an address nor a network: a mistyped one must not silently trust nobody, or everybody. */
export const make = (networks: ReadonlyArray<string>): TrustedProxies => {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    if (isIP(address) === 0) throw new Error(`not an address or a network: ${network}`);
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else if (/^\d{1,3}$/.test(bits)) list.addSubnet(address, Number(bits), familyOf(address));
    else throw new Error(`not an address or a network: ${network}`);
  }
  return {
    has: (address) => {
      const plain = normalized(address);
      return isIP(plain) !== 0 && list.check(plain, familyOf(plain));
    },
  };
};
