const MARGIN = 8;

type Placement = { readonly align?: 'start' | 'end' | 'center'; readonly side?: 'below' | 'above' };

/** Puts a layer beside what it belongs to, inside the window, on the other side when there is no room. */
export const placeBeside = (
  layer: HTMLElement,
  anchor: Element,
  { align = 'start', side = 'below' }: Placement = {},
): void => {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = layer;
  const below = at.bottom + 6;
  const above = at.top - 6 - height;
  const fitsBelow = below + height <= innerHeight - MARGIN;
  const fitsAbove = above >= MARGIN;
  const down = side === 'below' ? fitsBelow || !fitsAbove : !fitsAbove && fitsBelow;
  const wanted = { start: at.left, end: at.right - width, center: at.left + (at.width - width) / 2 }[align];
  const left = Math.max(MARGIN, Math.min(wanted, innerWidth - width - MARGIN));
  const top = Math.max(MARGIN, Math.min(down ? below : above, innerHeight - height - MARGIN));
  layer.style.left = `${Math.round(left)}px`;
  layer.style.top = `${Math.round(top)}px`;
};
