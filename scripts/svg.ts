/**
 * Rows of a terminal as an SVG: text that can be selected, light or dark as the reader has it.
 *
 * Every run of cells is stretched to its cells' width, so columns stand in line whatever monospaced font there is.
 */
import type { IBufferCell, IBufferLine } from "@xterm/headless";

const cell = { width: 8.4, height: 18 };
const padding = 14;
const fontSize = 14;

/** The first eight colours of a terminal, for a light and for a dark ground. */
const palette = {
  light: ["#24292f", "#cf222e", "#116329", "#855d00", "#0550ae", "#8250df", "#0b6e7a", "#57606a"],
  dark: ["#6e7681", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#b1bac4"],
} as const;

const colours = (shades: ReadonlyArray<string>): string => shades.map((colour, i) => `.c${i}{fill:${colour}}`).join("");

const style = [
  `text{font:${fontSize}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}`,
  `.ground{fill:#f6f8fa;stroke:#d0d7de}.bold{font-weight:700}.dim{opacity:.65}${colours(palette.light)}`,
  `@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117;stroke:#30363d}${colours(palette.dark)}}`,
].join("");

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escape = (text: string): string => text.replaceAll(/[&<>]/g, (character) => entities[character] ?? character);

const classesOf = (of: IBufferCell): string =>
  [
    ...(of.isFgPalette() && of.getFgColor() < 8 ? [`c${of.getFgColor()}`] : []),
    ...(of.isBold() ? ["bold"] : []),
    ...(of.isDim() ? ["dim"] : []),
  ].join(" ");

interface Run {
  readonly column: number;
  readonly classes: string;
  readonly text: string;
}

/** Cells of one look, cut where two or more are empty: not every viewer keeps spaces. */
const runsOf = (line: IBufferLine): ReadonlyArray<Run> => {
  const looks: Array<{ readonly column: number; readonly classes: string; text: string }> = [];
  for (let column = 0; column < line.length; column++) {
    const at = line.getCell(column);
    if (at === undefined) break;
    const [text, classes, last] = [at.getChars() || " ", classesOf(at), looks.at(-1)];
    if (last !== undefined && last.classes === classes) last.text += text;
    else looks.push({ column, classes, text });
  }
  return looks.flatMap(({ classes, column, text }) =>
    [...text.matchAll(/\S+(?: \S+)*/g)].map((word) => ({ column: column + word.index, classes, text: word[0] })),
  );
};

const width = (columns: number): string => (columns * cell.width).toFixed(1);

const textOf = ({ classes, column, text }: Run, row: number): string => {
  const x = (padding + column * cell.width).toFixed(1);
  const y = padding + (row + 0.75) * cell.height;
  const named = classes === "" ? "" : ` class="${classes}"`;
  return `<text x="${x}" y="${y}" textLength="${width(text.length)}" lengthAdjust="spacingAndGlyphs"${named}>${escape(text)}</text>`;
};

export const draw = (lines: ReadonlyArray<IBufferLine>, columns: number, title: string): string => {
  const size = {
    width: Math.ceil(columns * cell.width + 2 * padding),
    height: lines.length * cell.height + 2 * padding,
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}">`,
    `<title>${escape(title)}</title><style>${style}</style>`,
    `<rect class="ground" x=".5" y=".5" width="${size.width - 1}" height="${size.height - 1}" rx="8"/>`,
    ...lines.flatMap((line, row) => runsOf(line).map((run) => textOf(run, row))),
    "</svg>",
    "",
  ].join("\n");
};
