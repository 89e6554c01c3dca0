/** What the composers are about to do; in the main timeline and in a thread separately. */
import { signal } from "@preact/signals";
import type { MatrixEvent } from "matrix-js-sdk";

export interface ComposeFor {
    place: "room" | "thread";
    event: MatrixEvent;
}

export const replyingTo = signal<ComposeFor | null>(null);
export const editing = signal<ComposeFor | null>(null);
