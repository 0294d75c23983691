import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Slack from "../../src/simulators/Slack.ts";

const hook = "/services/T1/B1/secret";

/** A simulator on a clock of its own, and requests to it. */
const started = Effect.fnUntraced(function* (options: Partial<Slack.SlackOptions> = {}) {
  const clock = { now: 1_000_000 };
  const slack = yield* Slack.make({ port: 0, now: () => clock.now, ...options });
  const call = (method: string, path: string, body?: string, timeoutMillis = 5000) =>
    Effect.promise(async () => {
      const response = await fetch(`${slack.url}${path}`, {
        method,
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
        signal: AbortSignal.timeout(timeoutMillis),
      }).catch(() => undefined);
      return response === undefined
        ? undefined
        : { status: response.status, text: await response.text(), retryAfter: response.headers.get("retry-after") };
    });
  const post = (body: unknown, path = hook, timeoutMillis?: number) =>
    call("POST", path, typeof body === "string" ? body : JSON.stringify(body), timeoutMillis);
  return { slack, clock, call, post };
});

const answered = (answer: { readonly status: number; readonly text: string } | undefined) =>
  answer === undefined ? undefined : [answer.status, answer.text];

describe("the Slack simulator", () => {
  it.live("a message is answered with plain ok, and kept for who looks", () =>
    Effect.gen(function* () {
      const { call, post, slack } = yield* started();
      assert.deepStrictEqual(answered(yield* post({ text: "hello <b>" })), [200, "ok"]);
      assert.deepStrictEqual(
        slack.messages().map(({ hook, sequence, text }) => [sequence, hook, text]),
        [[1, hook, "hello <b>"]],
      );
      assert.include((yield* call("GET", "/"))?.text, "hello &lt;b&gt;");
      const listed = JSON.parse((yield* call("GET", "/__sim/messages"))?.text ?? "");
      assert.deepStrictEqual(listed.items, slack.messages());
    }),
  );

  it.live("what is no message is refused in Slack's words, and nothing is kept", () =>
    Effect.gen(function* () {
      const { post, slack } = yield* started({ burst: 100 });
      assert.deepStrictEqual(answered(yield* post("no json")), [400, "invalid_payload"]);
      assert.deepStrictEqual(answered(yield* post({})), [400, "no_text"]);
      assert.deepStrictEqual(answered(yield* post({ text: "" })), [400, "no_text"]);
      assert.deepStrictEqual(answered(yield* post({ text: "x" }, "/services/short")), [404, "no_service"]);
      slack.revoke(hook);
      assert.deepStrictEqual(answered(yield* post({ text: "x" })), [404, "no_service"]);
      assert.deepStrictEqual(slack.messages(), []);
    }),
  );

  it.live("a webhook takes a burst, then one a second; another webhook has a limit of its own", () =>
    Effect.gen(function* () {
      const { clock, post } = yield* started({ burst: 2 });
      const statuses = yield* Effect.replicateEffect(post({ text: "x" }), 3);
      assert.deepStrictEqual(
        statuses.map((answer) => answer?.status),
        [200, 200, 429],
      );
      assert.deepStrictEqual([statuses[2]?.text, statuses[2]?.retryAfter], ["rate_limited", "1"]);
      assert.strictEqual((yield* post({ text: "x" }, "/services/T1/B1/other"))?.status, 200);
      clock.now += 999;
      assert.strictEqual((yield* post({ text: "x" }))?.status, 429);
      clock.now += 1;
      assert.strictEqual((yield* post({ text: "x" }))?.status, 200);
    }),
  );

  it.live("faults: refused before it is posted, or posted and not told", () =>
    Effect.gen(function* () {
      const { call, post, slack } = yield* started({ burst: 100 });
      const plan = (rule: object) => call("PUT", "/__sim/faults", JSON.stringify({ rules: [rule] }));
      yield* plan({ kind: "error", code: "channel_is_archived" });
      assert.deepStrictEqual(answered(yield* post({ text: "1" })), [410, "channel_is_archived"]);
      yield* plan({ kind: "tooManyRequests", retryAfterSeconds: 7 });
      assert.strictEqual((yield* post({ text: "2" }))?.retryAfter, "7");
      yield* plan({ kind: "unavailable", status: 503 });
      assert.strictEqual((yield* post({ text: "3" }))?.status, 503);
      yield* plan({ kind: "reset" });
      assert.isUndefined(yield* post({ text: "4" }));
      assert.deepStrictEqual(slack.messages(), []);
      yield* plan({ kind: "approveThenReset" });
      assert.isUndefined(yield* post({ text: "5" }));
      yield* plan({ kind: "approveThenHang" });
      assert.isUndefined(yield* post({ text: "6" }, hook, 200));
      yield* plan({ kind: "approveThenError", code: "rollup_error" });
      assert.deepStrictEqual(answered(yield* post({ text: "7" })), [500, "rollup_error"]);
      assert.deepStrictEqual(
        slack.messages().map(({ text }) => text),
        ["5", "6", "7"],
      );
      assert.strictEqual(slack.requests(), 7);
    }),
  );

  it.live("keeps a bounded number of messages, the newest", () =>
    Effect.gen(function* () {
      const { post, slack } = yield* started({ burst: 100, maxMessages: 2 });
      for (const text of ["1", "2", "3"]) yield* post({ text });
      assert.deepStrictEqual(
        slack.messages().map(({ sequence }) => sequence),
        [2, 3],
      );
    }),
  );
});
