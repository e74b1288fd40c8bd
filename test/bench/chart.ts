import type { Row } from './rows.ts';

const WIDTH = 860;
const NAMES = 330;
const BARS = 400;
const LINE = 17;
const GAP = 14;

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1c2330 } .small { font-size: 11px; fill: #5a6472 }
.baton { fill: #2f6fdb } .peer { fill: #b9c0ca }
@media (prefers-color-scheme: dark) { text { fill: #e6e9ee } .small { fill: #9aa4b2 } .peer { fill: #5a6472 } }`;

/** The rows with a peer as bars, each row by its own scale. */
export const chartOf = (rows: readonly Row[]): string => {
  const shown = rows.filter(({ peer }) => peer !== undefined);
  const height = 34 + shown.length * (2 * LINE + GAP);
  const parts = shown.map((row, i) => barsOf(row, 34 + i * (2 * LINE + GAP)));
  const head = `<text x="0" y="16">Baton <tspan class="small">(above)</tspan> and its peer <tspan class="small">(below; BullMQ where the row names no other), medians; ratio above 1: Baton is better</tspan></text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Baton beside its peers">
<style>${STYLE}</style>
${head}
${parts.join('\n')}
</svg>
`;
};

const barsOf = (row: Row, y: number): string => {
  const { name, setting, unit, better, baton, peer, ratio = 1 } = row;
  const most = Math.max(baton.median, peer?.median ?? 0);
  const kind = setting.includes('fsync before') ? 'durable' : 'lazy';
  const bar = (side: 'baton' | 'peer', value: number, at: number): string => {
    const width = Math.max(1, (BARS * value) / most);
    return (
      `<rect class="${side}" x="${NAMES}" y="${at}" width="${width.toFixed(1)}" height="${LINE - 3}" rx="2"/>` +
      `<text class="small" x="${(NAMES + width + 6).toFixed(1)}" y="${at + LINE - 6}">${numberText(value)} ${unit}</text>`
    );
  };
  return (
    `<text x="0" y="${y + 12}">${name}</text>` +
    `<text class="small" x="0" y="${y + 12 + LINE}">${kind}, ${better} is better, ${ratio.toFixed(2)}x</text>` +
    bar('baton', baton.median, y) +
    bar('peer', peer?.median ?? 0, y + LINE)
  );
};

export const numberText = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
