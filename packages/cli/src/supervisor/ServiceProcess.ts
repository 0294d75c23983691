/**
 * A Node process of the shop as a unit.
 *
 * Guarantee: it runs in a process group of its own and holds the read end of a pipe whose only write end is ours, so it
 * sees end of file however this process ends; killing it kills its whole group.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { get } from "node:http";
import { connect } from "node:net";
import { instanceArgument } from "../instance/InstanceFile.ts";
import { logFile, openLog, tail } from "./Logs.ts";
import type { Running, UnitSpec } from "./Unit.ts";

export interface HostedService {
  readonly name: string;
  /** With the instance's offset. */
  readonly port: number;
  /** `http`: GET /readyz answers 200; `tcp`: the port accepts a connection. */
  readonly ready: "http" | "tcp";
}

export interface ProcessSpec {
  readonly name: string;
  /** What it hosts: itself, or all services in one. */
  readonly hosts: ReadonlyArray<HostedService>;
  /** Absolute path of the script, asked for at each launch. */
  readonly script: () => string;
  readonly args: ReadonlyArray<string>;
  /** Added to a minimal environment; see `baseEnvironment`. */
  readonly environment: Readonly<Record<string, string>>;
}

const { rushedSemiSpaceMb, serviceSemiSpaceMb, supervisorSemiSpaceMb } = createRequire(import.meta.url)(
  "../../bin/heaps.cjs",
) as {
  readonly rushedSemiSpaceMb: number;
  readonly serviceSemiSpaceMb: number;
  readonly supervisorSemiSpaceMb: number;
};

/**
 * The old generation: what a service may hold before it dies and is started again. The live heap of a service at its peak is
 * below 50 MB; under V8's own bound of gigabytes a heap may grow to four times that before it is collected.
 */
const maxOldSpaceMb = 512;
/** Of one process, whatever it hosts: a process that holds more has a leak. */
const maxOldSpaceOfProcessMb = 2048;

const flags = (semiSpaceMb: number): ReadonlyArray<string> => [
  "--conditions=@destiny/source",
  `--max-semi-space-size=${semiSpaceMb}`,
];

export const supervisorFlags = flags(supervisorSemiSpaceMb);

/**
 * Who meets a rush from its first second on. Their code is compiled, plainly, when it is called first and not when it was called
 * often, because a rush of 2,000 a second is half over until then; and their young generation holds a second of it.
 */
const rushed: ReadonlySet<string> = new Set(["gateway", "coupon"]);

/** All services in one process may hold what each may hold alone; the simulators, which answer by TCP, are one program. */
export const serviceFlags = ({ hosts }: Pick<ProcessSpec, "hosts">): ReadonlyArray<string> => {
  const isRushed = hosts.some(({ name }) => rushed.has(name));
  const services = Math.max(1, hosts.filter(({ ready }) => ready === "http").length);
  return [
    ...(isRushed ? [...flags(rushedSemiSpaceMb), "--always-sparkplug"] : flags(serviceSemiSpaceMb)),
    `--max-old-space-size=${Math.min(maxOldSpaceMb * services, maxOldSpaceOfProcessMb)}`,
  ];
};

const readyProbeMillis = 1_000;
const failureTailLines = 15;

/** What a child inherits: enough to run and to log, none of the caller's secrets. */
export const baseEnvironment = (from: NodeJS.ProcessEnv = process.env): Record<string, string> => {
  const kept: Record<string, string> = {};
  const names = /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|NODE_COMPILE_CACHE|OTEL_.*)$/;
  for (const [name, value] of Object.entries(from)) if (value !== undefined && names.test(name)) kept[name] = value;
  return kept;
};

/** Not `fetch`: loading it costs a supervisor ten megabytes for one question. */
const answersHttp = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const url = `http://127.0.0.1:${port}/readyz`;
    const request = get(url, { agent: false, timeout: readyProbeMillis }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", () => resolve(false));
  });

const acceptsTcp = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: readyProbeMillis });
    const done = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", done(true)).once("error", done(false)).once("timeout", done(false));
  });

export const isReady = (host: HostedService): Promise<boolean> =>
  host.ready === "http" ? answersHttp(host.port) : acceptsTcp(host.port);

/** The arguments from the script on, the instance's mark included. */
export const scriptArguments = (spec: ProcessSpec, instanceId: string): ReadonlyArray<string> => [
  spec.script(),
  ...spec.args,
  instanceArgument(instanceId),
];

/** What shows the log of a unit; the default instance needs no naming. */
export const logCommand = (name: string, instance: string): string =>
  `destiny logs ${name}${instance === "default" ? "" : ` --instance ${instance}`}`;

export const unitSpec = (
  spec: ProcessSpec,
  options: {
    readonly instanceId: string;
    readonly instance: string;
    readonly cwd: string;
    readonly logs: string;
    /** With the arguments from the script on. */
    readonly onSpawn: (pid: number, script: ReadonlyArray<string>) => void;
    readonly onExit: (pid: number) => void;
  },
): UnitSpec => ({
  name: spec.name,
  logCommand: logCommand(spec.name, options.instance),
  tail: () => tail(logFile(options.logs, spec.name), failureTailLines).lines,
  launch: () =>
    new Promise<Running>((resolve, reject) => {
      const script = scriptArguments(spec, options.instanceId);
      const log = openLog(options.logs, spec.name);
      const child = spawn(process.execPath, [...serviceFlags(spec), ...script], {
        cwd: options.cwd,
        env: { ...baseEnvironment(), ...spec.environment, DESTINY_LIFELINE: "stdin" },
        stdio: ["pipe", log, log],
        detached: true,
      });
      fs.closeSync(log);
      const { pid, stdin } = child;
      const exited = new Promise<string>((settle) => {
        child.once("exit", (code, signal) => {
          if (pid !== undefined) options.onExit(pid);
          settle(signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`);
        });
      });
      child.once("error", reject);
      if (pid === undefined || stdin === null) return;
      // A child that is gone closes its end; its exit says so already.
      stdin.on("error", () => {});
      options.onSpawn(pid, script);
      const kill = (): void => {
        try {
          process.kill(-pid, "SIGKILL");
        } catch {
          // The group is empty: it ended by itself.
        }
      };
      resolve({
        pid,
        exited,
        kill,
        isReady: async () => (await Promise.all(spec.hosts.map(isReady))).every(Boolean),
        drain: () => {
          stdin.end();
          child.kill("SIGTERM");
        },
      });
    }),
});
