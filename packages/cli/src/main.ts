/**
 * Runs one command line.
 *
 * Guarantee: exits with one of `exitCodes`; whatever fails before a command takes over is reported in the same form, as
 * JSON on stdout under `--json`.
 */
import { flush } from "@oclif/core/flush";
import { run } from "@oclif/core/run";
import { settings } from "@oclif/core/settings";
import type { Interfaces } from "@oclif/core";
import pkg from "../package.json" with { type: "json" };
import { describe, exitCodeOf, exitCodes, type Failure, isExit, toJson, toText } from "./CliError.ts";

export interface MainOptions {
  /** The folder of the CLI's package.json. */
  readonly root: string;
  /** The module that exports COMMANDS, relative to the root. */
  readonly commands: string;
}

/** Asks whether another command was meant: only where somebody can answer and nothing but results is expected. */
const plugins = (line: ReadonlyArray<string>): Array<string> => [
  "@oclif/plugin-autocomplete",
  ...(process.stdin.isTTY && process.stdout.isTTY && !line.includes("--json") ? ["@oclif/plugin-not-found"] : []),
];

const oclif: Omit<Interfaces.OclifConfiguration, "commands"> = {
  bin: "destiny",
  dirname: "destiny",
  topicSeparator: " ",
  additionalHelpFlags: ["-h"],
  topics: {
    dlq: { description: "Messages that a service could not apply: look, try again, give up." },
    saga: { description: "Orders on their way through the services: look, and help where one is stuck." },
    scenario: { description: "Rehearse load and faults, and give a verdict." },
  },
};

/** How oclif's plugin leaves, see sysexits and shells. */
const commandNotFound = 127;

/** What to say of a command that does not exist, if that is what the error is about. */
const unknownCommand = async (error: unknown, line: ReadonlyArray<string>): Promise<Failure | undefined> => {
  const named = error instanceof Error ? /^command (.+) not found\.?$/i.exec(error.message)?.[1] : undefined;
  // Who was asked whether they meant another one, and said no.
  const declined = error instanceof Error && exitCodeOf(error) === commandNotFound;
  const id = named ?? (declined ? line.filter((word) => !word.startsWith("-")).join(" ") : undefined);
  if (id === undefined) return undefined;
  const [{ COMMANDS }, { closest }] = await Promise.all([import("./commands.ts"), import("./closest.ts")]);
  const asked = id.replaceAll(":", " ");
  const likely = closest(
    asked,
    Object.keys(COMMANDS).map((known) => known.replaceAll(":", " ")),
  );
  return {
    exitCode: exitCodes.usage,
    code: "UNKNOWN_COMMAND",
    message: `"${asked}" is not a destiny command`,
    next: [...(likely === undefined ? [] : [`did you mean destiny ${likely}?`]), "destiny --help lists the commands"],
    details: [],
  };
};

export const main = async (argv: ReadonlyArray<string>, options: MainOptions): Promise<void> => {
  // oclif would look for tsx or ts-node; Node runs the sources by itself.
  settings.enableAutoTranspile = false;
  // oclif names its debug files after it and would ask for a parse in commands that have nothing to parse.
  process.env["NODE_ENV"] ??= "production";
  // Colours are for terminals. The libraries also colour what a CI machine writes into its log.
  if (!process.stdout.isTTY && process.env["FORCE_COLOR"] === undefined) process.env["NO_COLOR"] = "1";
  // A reader such as `head` that has seen enough is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // oxlint-disable-next-line unicorn/no-process-exit -- nobody is left to write to
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
  const line = argv[0] === "help" ? [...argv.slice(1), "--help"] : [...argv];
  try {
    await run(line, {
      root: options.root,
      pjson: {
        ...pkg,
        oclif: {
          ...oclif,
          plugins: plugins(line),
          commands: { strategy: "explicit", target: options.commands, identifier: "COMMANDS" },
        },
      },
    });
  } catch (error) {
    if (isExit(error)) process.exitCode = exitCodeOf(error);
    else {
      const failure = (await unknownCommand(error, line)) ?? describe(error);
      process.exitCode = failure.exitCode;
      if (line.includes("--json")) process.stdout.write(`${JSON.stringify(toJson(failure), undefined, 2)}\n`);
      else process.stderr.write(toText(failure));
    }
  }
  await flush();
  // oxlint-disable-next-line unicorn/no-process-exit -- a plugin's open handle must not keep a finished command alive
  process.exit();
};
