/**
 * What a command says when it cannot do its work: a stable code, the cause, and what to do next.
 *
 * Guarantee: every failure that a user can meet leaves the process with one of `exitCodes` and at least one next step.
 * A plain class and not a `Schema.TaggedError`: the help path must not pay for loading Schema.
 */

/** The exit codes of `destiny`; scripts rely on them. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  environment: 3,
  unhealthy: 4,
  thresholds: 5,
  tool: 6,
  conflict: 7,
  confirmation: 8,
  interrupted: 130,
} as const;

export type ExitName = Exclude<keyof typeof exitCodes, "ok">;

export interface CliErrorOptions {
  readonly exit: ExitName;
  /** Stable, upper case: `PORT_TAKEN`. */
  readonly code: string;
  /** What is wrong and why, in one sentence. */
  readonly message: string;
  /** What the user can do, most likely remedy first. */
  readonly next: ReadonlyArray<string>;
  /** Further lines of evidence, such as the end of a log. */
  readonly details?: ReadonlyArray<string>;
  readonly cause?: unknown;
}

export class CliError extends Error {
  readonly _tag = "CliError";
  readonly code: string;
  readonly exit: ExitName;
  readonly next: ReadonlyArray<string>;
  readonly details: ReadonlyArray<string>;

  constructor(options: CliErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CliError";
    this.code = options.code;
    this.exit = options.exit;
    this.next = options.next;
    this.details = options.details ?? [];
  }
}

/** What was thrown, as a CliError; anything else than one is a fault of ours. */
export const asCliError = (error: unknown): CliError =>
  error instanceof CliError
    ? error
    : new CliError({
        exit: "unexpected",
        code: "UNEXPECTED",
        message: error instanceof Error ? error.message : String(error),
        next: ["this is a fault of destiny: destiny logs supervisor shows what it was doing"],
        details:
          error instanceof Error
            ? (error.stack ?? "")
                .split("\n")
                .slice(1, 6)
                .map((line) => line.trim())
            : [],
        cause: error,
      });

/** A failure in the form that both renderings (text and JSON) start from. */
export interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly next: ReadonlyArray<string>;
  readonly details: ReadonlyArray<string>;
}

const property = (error: object, key: string): unknown => Reflect.get(error, key);

const oclifExit = (error: object): number | undefined => {
  const oclif = property(error, "oclif");
  const exit = typeof oclif === "object" && oclif !== null ? property(oclif, "exit") : undefined;
  return typeof exit === "number" ? exit : undefined;
};

/** True for oclif's own "leave with this code", which is not a failure to report. */
export const isExit = (error: unknown): error is Error =>
  error instanceof Error && property(error, "code") === "EEXIT" && oclifExit(error) !== undefined;

export const exitCodeOf = (error: Error): number => oclifExit(error) ?? exitCodes.unexpected;

/** oclif wraps a flag's own error in lines that repeat what `next` says better; which flag it was stays. */
const plain = (message: string): string =>
  message
    .replace(/^Parsing (--\S+)\s+/, "$1: ")
    .replace(/\n?See more help with --help\s*$/, "")
    .trim();

export const describe = (error: unknown, command = "destiny"): Failure => {
  if (error instanceof CliError) {
    const { code, message, next, details } = error;
    return { exitCode: exitCodes[error.exit], code, message: plain(message), next, details };
  }
  if (error instanceof Error && (oclifExit(error) !== undefined || "parse" in error)) {
    return {
      exitCode: exitCodes.usage,
      code: "USAGE",
      message: plain(error.message),
      next: [`${command} --help shows the usage`],
      details: [],
    };
  }
  return describe(asCliError(error));
};

export const toJson = (failure: Failure): { readonly error: Omit<Failure, "exitCode"> & { readonly exit: number } } => {
  const { exitCode, ...rest } = failure;
  return { error: { ...rest, exit: exitCode } };
};

export const toText = (failure: Failure): string =>
  [
    `Error: ${failure.message}`,
    ...failure.details.map((line) => `  ${line}`),
    `Code:  ${failure.code}`,
    ...failure.next.map((line) => `Next:  ${line}`),
    "",
  ].join("\n");
