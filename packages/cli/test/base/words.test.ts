import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { choices, closest } from "../../src/closest.ts";
import { COMMANDS } from "../../src/commands.ts";
import { bin, destiny, hasTerminal, onTerminal } from "../fixtures/command.ts";
import { temporaryHome } from "../fixtures/tools.ts";

describe("did you mean", () => {
  it("finds the slip of a finger, also at the end, and leaves another word alone", () => {
    const known = ["order", "stock", "payment", "saga list", "saga show"];
    for (const [input, meant] of [
      ["ordr", "order"],
      ["stokc", "stock"],
      ["pay", "payment"],
      ["sagas list", "saga list"],
      ["saga shwo", "saga show"],
      ["kangaroo", undefined],
      ["", undefined],
    ] as const)
      assert.strictEqual(closest(input, known), meant, input);
    assert.deepStrictEqual(choices("kangaroo", ["a", "b"], "services"), ["services: a, b"]);
  });

  it.live("names the likely command, in JSON too, and asks nobody without a terminal", () =>
    Effect.gen(function* () {
      for (const [args, likely] of [
        [["staus"], "status"],
        [["scenario", "rum"], "scenario run"],
        [["sagas", "list"], "saga list"],
      ] as const) {
        const { code, stderr, stdout } = yield* destiny([...args, "--json"]);
        assert.deepStrictEqual([code, stderr], [2, ""]);
        const { error } = JSON.parse(stdout);
        assert.strictEqual(error.code, "UNKNOWN_COMMAND");
        assert.strictEqual(error.next[0], `did you mean destiny ${likely}?`);
      }
      const { stderr } = yield* destiny(["kangaroo"]);
      assert.match(stderr, /^Error: "kangaroo" is not a destiny command$/m);
      assert.notInclude(stderr, "did you mean");
    }),
  );
});

describe("the help", () => {
  it("has a summary for every command, and an example for every one that takes an argument", () => {
    for (const [id, { args, examples, summary }] of Object.entries(COMMANDS)) {
      assert.isNotEmpty(summary, id);
      if (Object.values(args ?? {}).some(({ required }) => required === true)) assert.isNotEmpty(examples, id);
    }
  });

  it.skipIf(!hasTerminal)("is coloured on a terminal, and plain where NO_COLOR is set", () => {
    assert.include(onTerminal("--help").stdout, "\u001B[");
    assert.notInclude(onTerminal("--help", { NO_COLOR: "1" }).stdout, "\u001B[");
  });
});

describe("a question", () => {
  it.skipIf(!hasTerminal)("is asked on a terminal; anything but yes does nothing: exit code 8", () => {
    const asked = onTerminal("dlq drop stock some-letter --instance nobody", { DESTINY_HOME: "/nonexistent" }, "n\n");
    assert.include(asked.stdout, "stock will never apply some-letter. Go on? [y/N]");
    assert.include(asked.stdout, "NOT_CONFIRMED");
    assert.strictEqual(asked.status, 8);
    const agreed = onTerminal("dlq drop stock some-letter --instance nobody", { DESTINY_HOME: "/nonexistent" }, "y\n");
    assert.include(agreed.stdout, "NOT_RUNNING");
    assert.strictEqual(agreed.status, 4);
  });
});

describe("autocomplete", () => {
  it.live("completes commands, what stands below a topic, and flags in bash", () =>
    Effect.gen(function* () {
      const cache = yield* temporaryHome;
      const environment = { ...process.env, XDG_CACHE_HOME: cache };
      const made = spawnSync(
        process.execPath,
        ["--conditions=@destiny/source", path.join(bin, "destiny.ts"), "autocomplete", "bash", "--refresh-cache"],
        { encoding: "utf8", env: environment },
      );
      assert.strictEqual(made.status, 0, made.stderr);
      const functions = path.join(cache, "destiny/autocomplete/functions/bash/destiny.bash");
      const complete = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
        const list = words.map((word) => `'${word}'`).join(" ");
        const program = `source ${functions}; COMP_WORDS=(destiny ${list}); COMP_CWORD=${words.length};
          _destiny_autocomplete; printf '%s\\n' "\${COMPREPLY[@]}"`;
        return spawnSync("bash", ["-c", program], { encoding: "utf8" }).stdout.trim().split(/\s+/).sort();
      };
      assert.includeMembers([...complete("s")], ["saga", "scenario", "seed", "status"]);
      assert.deepStrictEqual(complete("saga", ""), ["compensate", "list", "retry", "show", "skip"]);
      assert.includeMembers([...complete("dlq", "drop", "--")], ["--instance", "--json", "--yes"]);
    }),
  );
});
