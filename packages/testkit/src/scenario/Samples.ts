/**
 * Latencies with the times at which they were measured, so that percentiles can be taken outside stretches of time that
 * are only known afterwards (a fault lasts until the service is back).
 *
 * A histogram cannot be cut by time, hence raw samples: 8 bytes each. Limit: `maxSamplesPerSeries`; a series that
 * reached it is marked truncated, and a threshold on it fails instead of judging a part.
 */
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as fs from "node:fs/promises";

export const maxSamplesPerSeries = 2_000_000;

/** The name of the series of figures from sending `POST /v1/orders` to reading `WAITING_PAYMENT`. */
export const payable = "payable";

export interface Series {
  readonly count: number;
  readonly truncated: boolean;
  /** Start of the measured stretch, milliseconds after the file's `zeroAt`. */
  readonly startMillis: Uint32Array;
  readonly micros: Uint32Array;
}

export interface Samples {
  /** Epoch milliseconds. */
  readonly zeroAt: number;
  readonly series: Readonly<Record<string, Series>>;
}

/** [from, to] in epoch milliseconds. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const overlaps = (windows: ReadonlyArray<Window>, from: number, to: number): boolean =>
  windows.some((window) => from <= window.to && to >= window.from);

interface Growing {
  count: number;
  truncated: boolean;
  startMillis: Uint32Array;
  micros: Uint32Array;
}

export interface Recorder {
  readonly record: (series: string, startedAt: number, endedAt: number) => void;
  readonly samples: () => Samples;
}

export const recorder = (zeroAt: number, max: number = maxSamplesPerSeries): Recorder => {
  const series = new Map<string, Growing>();
  const grown = (array: Uint32Array) => {
    const larger = new Uint32Array(Math.min(max, array.length * 2));
    larger.set(array);
    return larger;
  };
  return {
    record: (name, startedAt, endedAt) => {
      let one = series.get(name);
      if (one === undefined) {
        const first = Math.min(max, 1024);
        one = { count: 0, truncated: false, startMillis: new Uint32Array(first), micros: new Uint32Array(first) };
        series.set(name, one);
      }
      if (one.count >= max) {
        one.truncated = true;
        return;
      }
      if (one.count === one.micros.length) {
        one.startMillis = grown(one.startMillis);
        one.micros = grown(one.micros);
      }
      one.startMillis[one.count] = Math.max(0, Math.round(startedAt - zeroAt));
      one.micros[one.count] = Math.max(0, Math.round((endedAt - startedAt) * 1000));
      one.count += 1;
    },
    samples: () => ({
      zeroAt,
      series: Object.fromEntries(
        Array.from(series, ([name, one]) => [
          name,
          {
            count: one.count,
            truncated: one.truncated,
            startMillis: one.startMillis.subarray(0, one.count),
            micros: one.micros.subarray(0, one.count),
          },
        ]),
      ),
    }),
  };
};

/** The samples of a series that do not overlap any of the windows, in milliseconds, ascending. */
export const outside = (samples: Samples, name: string, windows: ReadonlyArray<Window>): Float64Array => {
  const series = samples.series[name];
  if (series === undefined) return new Float64Array(0);
  const kept = new Float64Array(series.count);
  let count = 0;
  for (let index = 0; index < series.count; index++) {
    const from = samples.zeroAt + (series.startMillis[index] ?? 0);
    const millis = (series.micros[index] ?? 0) / 1000;
    if (!overlaps(windows, from, from + millis)) kept[count++] = millis;
  }
  return kept.subarray(0, count).sort();
};

/** Nearest rank; `undefined` when there is no sample. */
export const percentile = (ascending: Float64Array, percent: number): number | undefined =>
  ascending[Math.min(ascending.length - 1, Math.max(0, Math.ceil((percent / 100) * ascending.length) - 1))];

const File = Schema.Struct({
  zeroAt: Schema.Finite,
  series: Schema.Record(
    Schema.String,
    Schema.Struct({
      truncated: Schema.Boolean,
      startMillis: Schema.Uint8ArrayFromBase64,
      micros: Schema.Uint8ArrayFromBase64,
    }),
  ),
});

const bytes = (array: Uint32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const words = (array: Uint8Array) => new Uint32Array(array.slice().buffer, 0, Math.floor(array.byteLength / 4));

/** The file's text. Numbers are little-endian 32-bit words in base64: the machines that Node runs on are. */
export const encode = (samples: Samples): string =>
  JSON.stringify(
    Schema.encodeSync(File)({
      zeroAt: samples.zeroAt,
      series: Object.fromEntries(
        Object.entries(samples.series).map(([name, one]) => [
          name,
          { truncated: one.truncated, startMillis: bytes(one.startMillis), micros: bytes(one.micros) },
        ]),
      ),
    }),
  );

export const decode = (text: string): Effect.Effect<Samples, Schema.SchemaError> =>
  Effect.map(Schema.decodeEffect(Schema.fromJsonString(File))(text), ({ zeroAt, series }) => ({
    zeroAt,
    series: Object.fromEntries(
      Object.entries(series).map(([name, one]) => {
        const micros = words(one.micros);
        return [
          name,
          { count: micros.length, truncated: one.truncated, startMillis: words(one.startMillis), micros },
        ] as const;
      }),
    ),
  }));

export class SamplesError extends Schema.TaggedError<SamplesError>()("SamplesError", {
  path: Schema.String,
  cause: Schema.Defect(),
}) {}

export const read = Effect.fn("Samples.read")(function* (path: string) {
  const text = yield* Effect.tryPromise({
    try: () => fs.readFile(path, "utf8"),
    catch: (cause) => new SamplesError({ path, cause }),
  });
  return yield* Effect.mapError(decode(text), (cause) => new SamplesError({ path, cause }));
});
