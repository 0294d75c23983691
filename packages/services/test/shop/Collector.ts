/** A collector of traces (OTLP over HTTP, JSON) in the test. */
import { createServer } from "node:http";
import * as Effect from "effect/Effect";

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number; readonly doubleValue?: number };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: ReadonlyArray<KeyValue>;
}

interface Traces {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<OtlpSpan> }>;
  }>;
}

const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: (typeof kinds)[number];
  readonly attributes: Readonly<Record<string, unknown>>;
}

const spanOf = ({ attributes, kind, name, parentSpanId, spanId, traceId }: OtlpSpan): Span => ({
  traceId,
  spanId,
  parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
  name,
  kind: kinds[kind] ?? "unspecified",
  attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
});

/** Listens until the scope closes. */
export const make = Effect.gen(function* () {
  const spans: Array<Span> = [];
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url === "/v1/traces") {
        const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Traces;
        for (const { scopeSpans } of resourceSpans) for (const one of scopeSpans) spans.push(...one.spans.map(spanOf));
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void));
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void));
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, spans: (): ReadonlyArray<Span> => spans };
});
