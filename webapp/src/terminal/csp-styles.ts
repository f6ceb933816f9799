/**
 * Lets xterm.js run under a Content-Security-Policy without 'unsafe-inline'.
 *
 * xterm.js writes rules into <style> elements that it creates, and its DOM renderer sets colours with
 * `setAttribute("style", ...)`; the policy forbids both. The same rules through the CSS object model are
 * allowed, so: instead of a <style> an inert element is created (even an empty <style> is reported) whose
 * text goes into a constructed style sheet that the document adopts, and a `style` attribute goes into
 * `element.style`. xterm's `documentOverride` cannot do this: its view port
 * takes the global document whatever that option says.
 */

function newAdoptedStyle(element: HTMLElement): HTMLElement {
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  let text = "";
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set: (value: string) => {
      text = value;
      sheet.replaceSync(value);
      if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((adopted) => adopted !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

/** Call once, before the first terminal is opened. */
export function installCspStyles(): void {
  const createElement = document.createElement.bind(document) as (
    name: string,
    options?: ElementCreationOptions,
  ) => HTMLElement;
  const redirecting = (name: string, options?: ElementCreationOptions): HTMLElement =>
    name === "style" ? newAdoptedStyle(createElement("adopted-style")) : createElement(name, options);
  document.createElement = redirecting as typeof document.createElement;

  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (this: Element, name: string, value: string): void {
    if (name === "style" && this instanceof HTMLElement) this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
}
