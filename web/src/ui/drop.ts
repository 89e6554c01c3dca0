/** Files that are dropped on a part of the page. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const hasFiles = (event: DragEvent): boolean => !!event.dataTransfer?.types.includes("Files");

/** Whether files are being held over it, and what its element listens to; `onFiles` is null where nothing may be dropped. */
export function useDrop(onFiles: ((files: File[]) => void) | null) {
    const over = useSignal(false);
    function onDragOver(event: DragEvent) {
        if (!onFiles || !hasFiles(event)) return;
        event.preventDefault();
        over.value = true;
    }
    function onDragLeave(event: DragEvent) {
        if (!(event.currentTarget as Element).contains(event.relatedTarget as Node | null)) over.value = false;
    }
    function onDrop(event: DragEvent) {
        over.value = false;
        if (!onFiles || !event.dataTransfer?.files.length) return;
        event.preventDefault();
        onFiles([...event.dataTransfer.files]);
    }
    return { over: over.value, listeners: { onDragOver, onDragLeave, onDrop } };
}

/** A file that misses its place would be opened by the browser, instead of the chat. */
export function useNoAccidents(): void {
    useEffect(() => {
        const onDragOver = (event: DragEvent) => {
            if (!hasFiles(event) || event.defaultPrevented) return;
            event.preventDefault();
            event.dataTransfer!.dropEffect = "none";
        };
        const onDrop = (event: DragEvent) => hasFiles(event) && event.preventDefault();
        window.addEventListener("dragover", onDragOver);
        window.addEventListener("drop", onDrop);
        return () => {
            window.removeEventListener("dragover", onDragOver);
            window.removeEventListener("drop", onDrop);
        };
    }, []);
}
