/**
 * A request's body on its way to the upstream, counted.
 *
 * Guarantee: nothing of it is read before the upstream's connection asks for it, so a request that was not sent can be
 * sent again; no more than a socket's buffer of it is held.
 *
 * Limits: fails with `BodyTooLarge` at the first byte beyond `maxBodyBytes`.
 */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

export class BodyTooLarge extends Error {}

/** The client went away while it was still sending. */
export class ClientGone extends Error {}

export class RequestBody extends Readable {
  readonly #source: IncomingMessage;
  readonly #maxBodyBytes: number;
  #count = 0;
  #isAttached = false;

  constructor(source: IncomingMessage, maxBodyBytes: number) {
    super();
    this.#source = source;
    this.#maxBodyBytes = maxBodyBytes;
  }

  override _read(): void {
    if (this.#isAttached) {
      this.#source.resume();
      return;
    }
    this.#isAttached = true;
    this.#source
      .on("data", this.#onData)
      .once("end", this.#onEnd)
      .once("error", this.#onBreak)
      .once("close", this.#onBreak);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#isAttached) {
      this.#source
        .off("data", this.#onData)
        .off("end", this.#onEnd)
        .off("error", this.#onBreak)
        .off("close", this.#onBreak)
        // The server drains or closes what is left, once the answer is out.
        .pause();
    }
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#count += chunk.length;
    if (this.#count > this.#maxBodyBytes) this.destroy(new BodyTooLarge());
    else if (!this.push(chunk)) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onBreak = (): void => {
    if (!this.#source.readableEnded) this.destroy(new ClientGone());
  };
}

/** `undefined` for a request that has no body. */
export const make = (source: IncomingMessage, maxBodyBytes: number): RequestBody | undefined => {
  const { "content-length": length, "transfer-encoding": encoding } = source.headers;
  const hasBody = encoding !== undefined || (length !== undefined && Number(length) > 0);
  return hasBody ? new RequestBody(source, maxBodyBytes) : undefined;
};
