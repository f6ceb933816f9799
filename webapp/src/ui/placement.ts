/** Where a menu opens: under its button and in line with its right edge, moved so that all of it is seen. */

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Placement {
  /** Pixels to the right of where it would stand. */
  shift: number;
  /** Over the button: under it there is no room. */
  above: boolean;
}

const MARGIN = 8;

export function placement(menu: Box, button: Box, windowWidth: number, windowHeight: number): Placement {
  const left = Math.max(MARGIN, Math.min(menu.left, windowWidth - MARGIN - (menu.right - menu.left)));
  const height = menu.bottom - menu.top;
  const above = menu.bottom > windowHeight - MARGIN && button.top - height > MARGIN;
  return { shift: left - menu.left, above };
}
