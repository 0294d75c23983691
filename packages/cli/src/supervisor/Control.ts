/**
 * The supervisor's control channel: HTTP over a socket file in the instance's folder.
 *
 * Guarantee: only the owner of the folder can connect (mode 0600); a client never waits longer than it asked to; a
 * socket file left by a killed supervisor is replaced by the next one, which holds the instance's lock.
 */
import * as fs from "node:fs";
import { createServer, request, type Server } from "node:http";
import { asCliError, CliError, type CliErrorOptions, type ExitName, exitCodes } from "../CliError.ts";

export type Handler = (segments: ReadonlyArray<string>, method: string) => Promise<unknown>;

const toWire = (thrown: unknown): CliErrorOptions => {
  const { exit, code, message, next, details } = asCliError(thrown);
  return { exit, code, message, next, details };
};

export const serve = (socket: string, handler: Handler): Promise<Server> => {
  fs.rmSync(socket, { force: true });
  const server = createServer((incoming, outgoing) => {
    const segments = (incoming.url ?? "/").split("/").filter(Boolean).map(decodeURIComponent);
    incoming.resume();
    handler(segments, incoming.method ?? "GET").then(
      (body) => outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error: unknown) =>
        outgoing.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify(toWire(error))),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, () => {
      fs.chmodSync(socket, 0o600);
      resolve(server);
    });
  });
};

const isExitName = (value: unknown): value is ExitName =>
  typeof value === "string" && value in exitCodes && value !== "ok";

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const fromWire = (json: unknown): CliError => {
  const wire = isRecord(json) ? json : {};
  const text = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);
  const list = (value: unknown): ReadonlyArray<string> => (Array.isArray(value) ? value.map(String) : []);
  return new CliError({
    exit: isExitName(wire["exit"]) ? wire["exit"] : "unexpected",
    code: text(wire["code"], "UNEXPECTED"),
    message: text(wire["message"], "the supervisor gave no reason"),
    next: list(wire["next"]),
    details: list(wire["details"]),
  });
};

const unreachable = (cause: unknown): CliError =>
  new CliError({
    exit: "unhealthy",
    code: "SUPERVISOR_UNREACHABLE",
    message: `the supervisor does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
    next: ["destiny down ends what is left", "destiny logs supervisor"],
    cause,
  });

/** One call. Fails with the supervisor's own error, or SUPERVISOR_UNREACHABLE. */
export const call = (socket: string, method: "GET" | "POST", path: string, timeoutMillis: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socket, method, path, timeout: timeoutMillis, agent: false }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => (text += chunk));
      incoming.on("error", (error) => reject(unreachable(error)));
      incoming.on("end", () => {
        try {
          const json: unknown = JSON.parse(text);
          if (incoming.statusCode === 200) resolve(json);
          else reject(fromWire(json));
        } catch (error) {
          reject(unreachable(error));
        }
      });
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMillis} ms`)));
    outgoing.on("error", (error) => reject(unreachable(error)));
    outgoing.end();
  });
