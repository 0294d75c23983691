/**
 * One request to an upstream, and its answer.
 *
 * Guarantee: `onFailed` says whether anything of the request may have left; the answer's body is read from the upstream
 * only as fast as the caller takes it; `abort` closes the upstream's connection unless the answer is complete.
 *
 * Limits: an answer whose head and body came in one read (at most 64 KiB) is handed over whole, which spares the common
 * small answer a stream of its own. Interim answers (1xx) are not passed on.
 */
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Dispatcher } from "undici";

export interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface Listener {
  /** Once. The body is whole, or a stream of what is still to come. */
  readonly onAnswered: (head: Head, body: Buffer | Readable) => void;
  /** Once, and only if there was no answer. */
  readonly onFailed: (error: Error, wasSent: boolean) => void;
  /** The upstream's connection takes the request now. */
  readonly onSending: () => void;
  /** The last call: nothing of the exchange is under way any more. */
  readonly onDone: () => void;
}

class Aborted extends Error {}

/** A pulled stream over a pushed one. */
class ResponseBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  readonly #abort: () => void;

  constructor(controller: Dispatcher.DispatchController, abort: () => void) {
    super();
    this.#controller = controller;
    this.#abort = abort;
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort();
    callback(error);
  }
}

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #listener: Listener;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Head | undefined;
  #early: Array<Buffer> = [];
  #body: ResponseBody | undefined;
  #isAborted = false;
  #isEnded = false;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  readonly abort = (): void => {
    if (this.#isEnded) return;
    this.#isAborted = true;
    this.#controller?.abort(new Aborted());
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It waited for a connection while its caller went away: it is taken back before a byte is written.
    if (this.#isAborted) {
      controller.abort(new Aborted());
      return;
    }
    this.#controller = controller;
    this.#listener.onSending();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    const head = { status, headers };
    this.#head = head;
    // Not at once: the rest of what was read together with the head is delivered before the next microtask.
    queueMicrotask(() => this.#answer(head));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body === undefined) this.#early.push(chunk);
    else if (!this.#body.push(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#isEnded = true;
    this.#body?.push(null);
    this.#listener.onDone();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#isEnded = true;
    if (this.#body !== undefined) this.#body.destroy(error);
    else this.#listener.onFailed(error, this.#controller !== undefined);
    // Too late to answer with anything: see `#answer`.
    this.#head = undefined;
    this.#listener.onDone();
  }

  readonly #answer = (head: Head): void => {
    const controller = this.#controller;
    if (this.#head === undefined || controller === undefined) return;
    if (this.#isEnded) {
      const [first] = this.#early;
      this.#listener.onAnswered(
        head,
        this.#early.length === 1 && first !== undefined ? first : Buffer.concat(this.#early),
      );
      return;
    }
    const body = new ResponseBody(controller, this.abort);
    this.#body = body;
    for (const chunk of this.#early) if (!body.push(chunk)) controller.pause();
    this.#early = [];
    this.#listener.onAnswered(head, body);
  };
}
