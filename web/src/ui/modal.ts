/** What lies over all else. The browser dims what is outside of the innermost dialog, and screen readers do not hear it: what is to be told must be told in there. */
import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

const open = signal<HTMLDialogElement[]>([]);

export const anyModal = (): boolean => open.value.length > 0;

/** Opens the dialog as long as its component is there, and gives the focus back afterwards. Whether it is the innermost. */
export function useModal(ref: RefObject<HTMLDialogElement>): boolean {
    useLayoutEffect(() => {
        const dialog = ref.current!;
        const before = document.activeElement as HTMLElement | null;
        dialog.showModal();
        open.value = [...open.value, dialog];
        return () => {
            open.value = open.value.filter((other) => other !== dialog);
            dialog.close();
            before?.focus?.();
        };
    }, []);
    const innermost = open.value.at(-1); // read in any case: who reads it is made again when it changes
    return !!innermost && innermost === ref.current;
}
