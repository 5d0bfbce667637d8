/** CPU per event as bars, one group for each row. Bars are as long as the greatest of their group is. */

import { cpuOf, type Result } from "./result.ts";

const WIDTH = 840;
const LABEL_WIDTH = 394;
const BAR_WIDTH = 376;
const BAR_HEIGHT = 14;
const ROW_GAP = 14;
const HEAD_HEIGHT = 52;
const COLORS: Record<string, string> = {
  suiro: "#0f7c8c",
  "suiro-written": "#56a3ae",
  before: "#8fc4cc",
  fluentd: "#c9772b",
  floor: "#9aa5b1",
};

export function chart(results: readonly Result[], machine: Record<string, string | number>): string {
  const measured = results.filter(({ runs }) => runs.length > 0);
  const groups = [...new Set(measured.map(({ row }) => row))].map((row) => measured.filter((each) => each.row === row));
  const parts: string[] = [];
  let y = HEAD_HEIGHT;
  for (const group of groups) {
    parts.push(drawGroup(group, y));
    y += group.length * BAR_HEIGHT + ROW_GAP;
  }
  const height = y + 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="11">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="12" y="20" font-size="14" font-weight="600" fill="#1f2933">CPU of the whole agent, µs per event (smaller is better)</text>
<text x="12" y="38" fill="#616e7c">${escaped(`${machine.machine}; Node.js ${machine.node}; fluentd ${machine.fluentd}; each group has its own scale`)}</text>
${parts.join("\n")}
</svg>
`;
}

function drawGroup(group: readonly Result[], top: number): string {
  const most = Math.max(...group.map(cpuOf));
  const middle = top + (group.length * BAR_HEIGHT) / 2 + 4;
  const title = `<text x="${LABEL_WIDTH - 86}" y="${middle}" text-anchor="end" fill="#1f2933">${escaped((group[0] as Result).row.title)}</text>`;
  const bars = group.map((result, index) => {
    const y = top + index * BAR_HEIGHT;
    const length = Math.max(1, (cpuOf(result) / most) * BAR_WIDTH);
    const color = COLORS[result.subject] ?? "#616e7c";
    return `<text x="${LABEL_WIDTH - 6}" y="${y + 11}" text-anchor="end" fill="#616e7c">${result.subject}</text>
<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${length.toFixed(1)}" height="${BAR_HEIGHT - 3}" fill="${color}"/>
<text x="${(LABEL_WIDTH + length + 5).toFixed(1)}" y="${y + 11}" fill="#1f2933">${cpuOf(result).toFixed(2)}</text>`;
  });
  return [title, ...bars].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
