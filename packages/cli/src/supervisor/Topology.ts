/**
 * Which processes make up an instance and what each is told.
 *
 * Guarantee: plain data derived from the catalogue and the instance; the private signing key goes to the user service
 * only (and to the one process that hosts it in `single` mode).
 */
import { createHash } from "node:crypto";
import {
  busDatabase,
  busPoolSize,
  type CatalogueService,
  services as catalogue,
  simulators,
} from "@destiny/services/catalogue";
import type { Instance } from "../instance/InstanceFile.ts";
import type { InstancePaths } from "../instance/Home.ts";
import * as Scripts from "./Scripts.ts";
import { type HostedService, type ProcessSpec, scriptArguments } from "./ServiceProcess.ts";

/** PostgreSQL of an instance with offset 0: not 5432, which a developer's own server has. */
export const postgresPort = 15432;

// seed, verify and the scenario engine connect as well, and PostgreSQL keeps three for a superuser.
const otherConnections = 24;

const services: ReadonlyArray<CatalogueService> = catalogue;

export const databases: ReadonlyArray<string> = [
  ...services.flatMap((service) => (service.database === undefined ? [] : [service.database])),
  busDatabase,
];

export const maxConnections = services.reduce(
  (sum, service) => sum + service.poolSize + (service.database === undefined ? 0 : busPoolSize),
  otherConnections,
);

export const serviceNames: ReadonlyArray<string> = services.map((service) => service.name);

export const portOf = (instance: Instance, name: string): number | undefined => {
  const found = services.find((service) => service.name === name);
  return found === undefined ? undefined : found.port + instance.portOffset;
};

/** Every port of an instance with this offset. */
export const portsOf = (offset: number): ReadonlyArray<{ readonly name: string; readonly port: number }> => [
  ...[...services, ...simulators].map(({ name, port }) => ({ name, port: port + offset })),
  { name: "postgres", port: postgresPort + offset },
];

/** Without a database: a service appends the name of its own. */
export const databaseUrl = (instance: Instance): string =>
  `postgres://destiny:${instance.secrets.postgresPassword}@127.0.0.1:${postgresPort + instance.portOffset}/`;

const url = (port: number): string => `http://127.0.0.1:${port}`;

export const simulatorUrl = (instance: Instance, name: string): string => {
  const found = simulators.find((simulator) => simulator.name === name) ?? simulators[0];
  return url(found.port + instance.portOffset);
};

/**
 * The merchant's keys at the simulated vendors. They all follow from the stored one, so that an instance from before there
 * were three vendors has them too.
 */
const vendorKeys = ({ secrets }: Instance): Readonly<Record<string, string>> => {
  const derived = (what: string): string =>
    createHash("sha256").update(`${what} ${secrets.tossSecretKey}`).digest("hex").slice(0, 32);
  return {
    TOSS_SECRET_KEY: secrets.tossSecretKey,
    PORTONE_API_SECRET: derived("portone"),
    BOOTPAY_CLIENT_KEY: derived("bootpay client"),
    BOOTPAY_SECRET_KEY: derived("bootpay secret"),
  };
};

/** Any path is a webhook of the simulator; this one is of those who run the shop. */
const adminWebhookPath = "/services/T0/B0/shop";

export interface TopologyOptions {
  readonly instance: Instance;
  readonly paths: InstancePaths;
  readonly single: boolean;
  /** `DESTINY_*` settings of the caller, such as `DESTINY_PAYMENT_WINDOW`, passed on as they are. */
  readonly settings: Readonly<Record<string, string>>;
  /** What a process runs, asked for at each launch. */
  readonly scripts: () => Scripts.Scripts;
}

/** Names the supervisor sets itself: a caller's variable of that name never reaches a service. */
const reserved = new Set([
  "DESTINY_HOME",
  "DESTINY_PORT_OFFSET",
  "DESTINY_DATABASE_URL",
  "DESTINY_JWKS_URL",
  "DESTINY_JWT_PRIVATE_JWK",
  "DESTINY_LIFELINE",
]);

/** The `DESTINY_*` variables of an environment that are settings of services. */
export const settingsFrom = (environment: NodeJS.ProcessEnv): Record<string, string> => {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && name.startsWith("DESTINY_") && !reserved.has(name)) kept[name] = value;
  }
  return kept;
};

const simulatorsProcess = ({ instance, paths, scripts }: TopologyOptions): ProcessSpec => ({
  name: "simulators",
  hosts: simulators.map(({ name, port }) => ({ name, port: port + instance.portOffset, ready: "tcp" as const })),
  script: () => scripts().simulators,
  args: [
    ...simulators.flatMap(({ name, port }) => [`--${name}-port`, String(port + instance.portOffset)]),
    "--directory",
    paths.simulators,
  ],
  environment: vendorKeys(instance),
});

export const topology = (options: TopologyOptions): ReadonlyArray<ProcessSpec> => {
  const { instance, scripts, settings, single } = options;
  const shared: Record<string, string> = {
    ...settings,
    DESTINY_PORT_OFFSET: String(instance.portOffset),
    DESTINY_DATABASE_URL: databaseUrl(instance),
    DESTINY_JWKS_URL: `${url(portOf(instance, "user") ?? 0)}/.well-known/jwks.json`,
    ...vendorKeys(instance),
    TOSS_BASE_URL: simulatorUrl(instance, "toss"),
    PORTONE_BASE_URL: simulatorUrl(instance, "portone"),
    // Every channel of the simulator is one for tests.
    PORTONE_TEST: "true",
    BOOTPAY_BASE_URL: simulatorUrl(instance, "bootpay"),
    SLACK_BASE_URL: simulatorUrl(instance, "slack"),
    SLACK_ADMIN_WEBHOOK: `${simulatorUrl(instance, "slack")}${adminWebhookPath}`,
  };
  const signing = { DESTINY_JWT_PRIVATE_JWK: instance.secrets.userPrivateJwk };
  const hosted = services.map(({ name, port }): HostedService => ({
    name,
    port: port + instance.portOffset,
    ready: "http",
  }));
  const processes: ReadonlyArray<ProcessSpec> = single
    ? [
        {
          name: "services",
          hosts: hosted,
          script: () => scripts().services,
          args: serviceNames,
          environment: { ...shared, ...signing },
        },
      ]
    : hosted.map((host) => ({
        name: host.name,
        hosts: [host],
        script: () => scripts().services,
        args: [host.name],
        environment: host.name === "user" ? { ...shared, ...signing } : shared,
      }));
  return [simulatorsProcess(options), ...processes];
};

/** What the processes of an instance look like, however it was started; their settings do not show in their arguments. */
export const scriptsOf = (
  instance: Instance,
  paths: InstancePaths,
): ReadonlyArray<{ readonly service: string; readonly script: ReadonlyArray<string> }> =>
  [Scripts.sources, Scripts.bundle]
    .flatMap((scripts) => topology({ instance, paths, single: false, settings: {}, scripts: () => scripts }))
    .map((spec) => ({ service: spec.name, script: scriptArguments(spec, instance.id) }));
