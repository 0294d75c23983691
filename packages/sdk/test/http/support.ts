import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import { request } from "node:http";
import { Telemetry } from "@destiny/sdk/service";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Several chunks are sent without a content length. */
  readonly body?: string | ReadonlyArray<string>;
}

/** One request on a connection of its own. */
export const call = (url: string, options: Call = {}): Effect.Effect<Answer> =>
  Effect.promise(
    () =>
      new Promise<Answer>((resolve, reject) => {
        const { body, headers = {}, method = "GET" } = options;
        const length = typeof body === "string" ? { "content-length": String(Buffer.byteLength(body)) } : {};
        const outgoing = request(url, { method, agent: false, headers: { ...length, ...headers } }, (incoming) => {
          incoming.setEncoding("utf8");
          let text = "";
          incoming.on("data", (chunk: string) => {
            text += chunk;
          });
          incoming.on("end", () => {
            const isJson = /json/.test(incoming.headers["content-type"] ?? "") && text !== "";
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text,
              body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
            });
          });
        });
        outgoing.on("error", reject);
        for (const chunk of typeof body === "string" ? [body] : (body ?? [])) outgoing.write(chunk);
        outgoing.end();
      }),
  );

export const json = (value: unknown): Call => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

/** Collects log lines in place of writing them. */
export const captureLogs = () => {
  const lines: Array<Record<string, unknown>> = [];
  const logger = Logger.make((options: Logger.Options<unknown>) => {
    lines.push(JSON.parse(Telemetry.formatLine(options)) as Record<string, unknown>);
  });
  return { lines, layer: Logger.layer([logger]) };
};

export const silent: Layer.Layer<never> = Logger.layer([]);

/** A console that keeps what is written to it. */
export const captureConsole = () => {
  const written: Array<string> = [];
  const console: Console.Console = { ...globalThis.console, log: (line: string) => void written.push(line) };
  return { written, console };
};
