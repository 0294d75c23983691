/** Did you mean: the known word nearest to one that is not known. */

/** Insertions, deletions and replacements that turn one word into the other. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(a).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(b).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

/** A word that differs in more than this part of its letters is another word, not a slip. */
const maxSlip = 0.4;

export const closest = (input: string, known: ReadonlyArray<string>): string | undefined => {
  const [best] = known
    .map((word) => ({ word, slips: word.startsWith(input) && input !== "" ? 0 : distance(input, word) }))
    .filter(({ slips, word }) => slips <= Math.max(input.length, word.length) * maxSlip)
    .sort((a, b) => a.slips - b.slips);
  return best?.word;
};

/** The next steps of an error about a word that is not known: the likely one first, then all. */
export const choices = (input: string, known: ReadonlyArray<string>, what: string): ReadonlyArray<string> => {
  const likely = closest(input, known);
  return [...(likely === undefined ? [] : [`did you mean ${likely}?`]), `${what}: ${known.join(", ")}`];
};
