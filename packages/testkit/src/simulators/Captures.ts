/**
 * What a simulated gateway captured and gave back, in an append-only NDJSON file: the vendor's side of an audit.
 *
 * Guarantee: an entry is in the file before the vendor's answer leaves, so it survives `kill -9` of the process. It is
 * not synced: a machine that loses power may lose the last entries.
 * Limits: one writer a file. Entries stay in memory; who appends bounds how many there can be.
 *
 * A line is `{ capture?, state }`: the entry, and what the vendor needs to go on after a restart, so that one write
 * carries both and neither can exist without the other.
 */
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import * as Fs from "node:fs";
import * as Path from "node:path";

export const Capture = Schema.Struct({
  /** Dense from 1. */
  sequence: Schema.Int,
  gateway: Schema.String,
  kind: Schema.Literals(["captured", "canceled"]),
  paymentKey: Schema.String,
  orderId: Schema.String,
  transactionKey: Schema.String,
  /** In the minor unit of the currency (won), positive for both kinds. */
  amount: Schema.Int,
  currency: Schema.String,
  /** Epoch millis. */
  at: Schema.Int,
});
export type Capture = typeof Capture.Type;

export interface Captures<State> {
  readonly entries: () => ReadonlyArray<Capture>;
  /** Throws when the file cannot be written; then nothing was added. */
  readonly append: (state: State, capture?: Omit<Capture, "sequence">) => void;
  /** Forgets everything, on disk too. */
  readonly reset: () => void;
}

export class CapturesError extends Schema.TaggedError<CapturesError>()("CapturesError", {
  path: Schema.String,
  /** The line that cannot be read, from 1; absent when the file itself is the trouble. */
  line: Schema.optionalKey(Schema.Int),
  cause: Schema.Defect(),
}) {
  override get message() {
    return `cannot use the captures in ${this.path}${this.line === undefined ? "" : `, line ${this.line}`}`;
  }
}

const chunkBytes = 1_048_576;
const newline = 0x0a;

/** Calls `each` for every complete line; answers how many bytes they take. A torn last line is not a line. */
const eachLine = (descriptor: number, each: (line: string) => void): number => {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let rest: Buffer = Buffer.alloc(0);
  let complete = 0;
  for (;;) {
    const size = Fs.readSync(descriptor, chunk, 0, chunkBytes, complete + rest.length);
    if (size === 0) return complete;
    const text = Buffer.concat([rest, chunk.subarray(0, size)]);
    let from = 0;
    for (let end = text.indexOf(newline); end >= 0; end = text.indexOf(newline, from)) {
      each(text.toString("utf8", from, end));
      from = end + 1;
    }
    complete += from;
    rest = text.subarray(from);
  }
};

const Line = Schema.Struct({ capture: Schema.optionalKey(Capture), state: Schema.Unknown });
const decodeLine = Schema.decodeUnknownSync(Line);

const load = (
  path: string,
  descriptor: number,
  each: (line: typeof Line.Type) => void,
): Effect.Effect<number, CapturesError> =>
  Effect.suspend(() => {
    let line = 0;
    try {
      return Effect.succeed(
        eachLine(descriptor, (text) => {
          line += 1;
          each(decodeLine(JSON.parse(text)));
        }),
      );
    } catch (cause) {
      return Effect.fail(new CapturesError({ path, line, cause }));
    }
  });

const openFile = (path: string, flags: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        if (flags !== "r") Fs.mkdirSync(Path.dirname(path), { recursive: true });
        return Fs.openSync(path, flags, 0o600);
      },
      catch: (cause) => new CapturesError({ path, cause }),
    }),
    (descriptor) => Effect.sync(() => Fs.closeSync(descriptor)),
  );

/** The entries of a file, without a simulator: what an audit reads after the processes have ended. */
export const read = Effect.fn("Captures.read")(function* (path: string) {
  const entries: Array<Capture> = [];
  const descriptor = yield* openFile(path, "r");
  yield* load(path, descriptor, ({ capture }) => {
    if (capture !== undefined) entries.push(capture);
  });
  return entries;
}, Effect.scoped);

export interface CapturesOptions {
  /** Absent: in memory only. */
  readonly path?: string | undefined;
  /** Is given the states in the order in which they were appended. May throw on a state that is none of its own. */
  readonly restore: (state: unknown) => void;
}

/** Opens the file, creating it, cuts a line that a crash tore, and restores what is there. */
export const open = <State>(options: CapturesOptions): Effect.Effect<Captures<State>, CapturesError, Scope.Scope> =>
  Effect.gen(function* () {
    const { path } = options;
    const entries: Array<Capture> = [];
    let size = 0;
    let write = (_line: string): void => {};
    let truncate = (): void => {};
    if (path !== undefined) {
      const descriptor = yield* openFile(path, "a+");
      size = yield* load(path, descriptor, ({ capture, state }) => {
        if (capture !== undefined) entries.push(capture);
        options.restore(state);
      });
      Fs.ftruncateSync(descriptor, size);
      truncate = () => {
        Fs.ftruncateSync(descriptor, 0);
        size = 0;
      };
      write = (line) => {
        const bytes = Buffer.from(line, "utf8");
        try {
          for (let sent = 0; sent < bytes.length;) sent += Fs.writeSync(descriptor, bytes, sent);
          size += bytes.length;
        } catch (cause) {
          // A full disk may have taken half a line; the next one must not be glued to it.
          Fs.ftruncateSync(descriptor, size);
          throw cause;
        }
      };
    }
    return {
      entries: () => entries,
      append: (state, capture) => {
        if (capture === undefined) {
          write(`${JSON.stringify({ state })}\n`);
          return;
        }
        const entry: Capture = { sequence: entries.length + 1, ...capture };
        write(`${JSON.stringify({ capture: entry, state })}\n`);
        entries.push(entry);
      },
      reset: () => {
        truncate();
        entries.length = 0;
      },
    };
  });
