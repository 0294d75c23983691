import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { exitCodes } from "../../src/CliError.ts";
import { COMMANDS } from "../../src/commands.ts";
import { destiny } from "../fixtures/command.ts";
import { temporaryHome } from "../fixtures/tools.ts";

/** They start a shop: their failures are tested with what makes them fail. */
const starting: ReadonlySet<string> = new Set(["rehearse", "up"]);

/** A command line that is complete, though what it names does not exist. */
const complete = (id: string): ReadonlyArray<string> => {
  const { args = {}, flags = {} } = COMMANDS[id] ?? {};
  return [
    ...id.split(":"),
    ...Object.values(args).flatMap(({ required }) => (required === true ? ["something"] : [])),
    ...Object.entries(flags).flatMap(([name, { required }]) => (required === true ? [`--${name}`, "something"] : [])),
    ...("timeout" in flags ? ["--timeout", "0"] : []),
  ];
};

const ids = Object.keys(COMMANDS).filter((id) => !starting.has(id));

describe("every command, where there is no shop and nobody to ask", () => {
  it.live(
    "ends with a code of the table and, under --json, exactly one document on stdout",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome;
        const codes = new Set<number>(Object.values(exitCodes));
        yield* Effect.forEach(
          ids,
          Effect.fnUntraced(function* (id) {
            const { code, stderr, stdout } = yield* destiny([...complete(id), "--json"], home);
            assert.isTrue(codes.has(code), `${id}: ${code}`);
            assert.notStrictEqual(code, exitCodes.unexpected, `${id}: ${stdout}`);
            const answer = JSON.parse(stdout);
            if (code !== exitCodes.ok && "error" in answer) {
              assert.strictEqual(answer.error.exit, code, id);
              assert.match(answer.error.code, /^[A-Z][A-Z0-9_-]+$/, id);
              assert.isNotEmpty(answer.error.next, id);
            }
            assert.notInclude(stdout + stderr, "\u001B[", `${id} is plain in a pipe`);
          }),
          { concurrency: 2, discard: true },
        );
      }),
    { timeout: 120_000 },
  );
});
