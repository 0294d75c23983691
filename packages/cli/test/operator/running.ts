import * as Effect from "effect/Effect";
import { destiny } from "../fixtures/command.ts";
import { temporaryHome } from "../fixtures/tools.ts";
import * as Desk from "./Desk.ts";

/** A running instance, and the command on it. */
export const running = Effect.gen(function* () {
  const home = yield* temporaryHome;
  const instance = yield* Desk.instanceIn(home);
  const run = (...args: ReadonlyArray<string>) => destiny([...args, "--instance", Desk.name], home);
  const json = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const { code, stdout } = yield* run(...args, "--json");
    return { code, body: JSON.parse(stdout) };
  });
  return { instance, run, json };
});
