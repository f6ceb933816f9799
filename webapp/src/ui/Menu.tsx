/** A button with a menu under it: arrows move, Escape and a click elsewhere close. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { placement } from "./placement.ts";

interface MenuProps {
  label: string;
  icon: ComponentChildren;
  testId?: string;
  class?: string;
  children: ComponentChildren;
}

export function Menu({ label, icon, testId, class: className = "", children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    if (!open || !list.current || !button.current) return;
    const menu = list.current.getBoundingClientRect();
    const { clientWidth, clientHeight } = document.documentElement;
    const { shift, above } = placement(menu, button.current.getBoundingClientRect(), clientWidth, clientHeight);
    list.current.style.translate = `${shift}px`;
    list.current.classList.toggle("above", above);
  }, [open]);

  useEffect(() => {
    if (!open) return;
    items(root.current)[0]?.focus();
    const elsewhere = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const all = items(root.current);
      const at = all.indexOf(document.activeElement as HTMLElement);
      all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]?.focus();
    } else if (event.key === "Tab") setOpen(false);
  };

  return (
    <div class={`menu ${className}`} ref={root} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        data-testid={testId}
        onClick={() => setOpen(!open)}
      >
        {icon}
      </button>
      {open && (
        <div ref={list} class="menu-list" role="menu" id={id} aria-label={label} onClick={() => setOpen(false)}>
          {children}
        </div>
      )}
    </div>
  );
}

interface ItemProps {
  testId?: string;
  danger?: boolean;
  disabled?: boolean;
  onChoose(): void;
  children: ComponentChildren;
}

export function MenuItem({ testId, danger, disabled, onChoose, children }: ItemProps) {
  return (
    <button
      type="button"
      role="menuitem"
      class={danger ? "danger" : ""}
      disabled={disabled ?? false}
      data-testid={testId}
      onClick={onChoose}
    >
      {children}
    </button>
  );
}

const items = (root: HTMLElement | null): HTMLElement[] => [
  ...(root?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not(:disabled)') ?? []),
];
