/**
 * A list of rows with heights, for a page that shows only the few that are near its window. Where a row begins, which row is at a place,
 * and which number a row has are found in O(log n); so are rows added and taken away at the ends, and a height that is another one.
 * Heights are remembered by key, also while a row is not in the list; what was never measured is guessed.
 */
const GUESS = 44;

/** Free slots on each side of a list that is made anew, beside half of its length. */
const SPARE = 64;

export class Rows<T extends { key: string }> {
    length = 0;
    /** The rows, with free slots before and after them. */
    private slots: (T | undefined)[] = [];
    /** A Fenwick tree of the slots' heights; a free slot has none. */
    private sums = new Float64Array(1);
    private first = 0;
    /** Slots by key, as they were numbered before `moved` slots were put in front. */
    private readonly places = new Map<string, number>();
    private moved = 0;
    private readonly heights = new Map<string, number>();

    at(index: number): T | undefined {
        return index < this.length ? this.slots[this.first + index] : undefined;
    }

    last(): T | undefined {
        return this.at(this.length - 1);
    }

    slice(from: number, to: number): T[] {
        return this.slots.slice(this.first + from, this.first + Math.min(to, this.length)) as T[];
    }

    /** -1 for what is not in the list. */
    indexOf(key: string): number {
        const place = this.places.get(key);
        return place === undefined ? -1 : place + this.moved - this.first;
    }

    /** From the end, so that what is near it is found soon. */
    findLast(wanted: (row: T) => boolean): T | undefined {
        for (let i = this.length - 1; i >= 0; i--) if (wanted(this.at(i)!)) return this.at(i);
        return undefined;
    }

    push(row: T): void {
        if (this.first + this.length === this.slots.length) this.spread(this.slice(0, this.length), 1);
        this.put(this.first + this.length++, row);
    }

    pop(): void {
        const slot = this.first + --this.length;
        const { key } = this.slots[slot]!;
        this.slots[slot] = undefined;
        this.places.delete(key);
        this.add(slot, -this.heightOf(key));
    }

    unshift(rows: T[]): void {
        if (this.first < rows.length) this.spread(this.slice(0, this.length), rows.length);
        this.length += rows.length;
        for (let i = rows.length - 1; i >= 0; i--) this.put(--this.first, rows[i]);
    }

    /** Another row with the same key. */
    replace(index: number, row: T): void {
        this.slots[this.first + index] = row;
    }

    clear(): void {
        this.places.clear();
        this.spread([], 0);
    }

    /** Whether it was another one. */
    measured(key: string, height: number): boolean {
        const change = height - this.heightOf(key);
        const known = this.heights.get(key) === height;
        this.heights.set(key, height);
        const place = this.places.get(key);
        if (place !== undefined && change !== 0) this.add(place + this.moved, change);
        return !known;
    }

    /** Where the row begins; for `length`, where the list ends. */
    start(index: number): number {
        let sum = 0;
        for (let i = this.first + index; i > 0; i &= i - 1) sum += this.sums[i];
        return sum;
    }

    /** The row at that place; the first or the last one for what is outside. */
    find(y: number): number {
        let slot = 0;
        let rest = Math.max(0, y);
        for (let step = 2 ** Math.floor(Math.log2(this.sums.length)); step >= 1; step /= 2) {
            const next = slot + step;
            if (next >= this.sums.length || this.sums[next] > rest) continue;
            slot = next;
            rest -= this.sums[next];
        }
        return Math.max(0, Math.min(slot - this.first, this.length - 1));
    }

    private heightOf(key: string): number {
        return this.heights.get(key) ?? GUESS;
    }

    private put(slot: number, row: T): void {
        this.slots[slot] = row;
        this.places.set(row.key, slot - this.moved);
        this.add(slot, this.heightOf(row.key));
    }

    private add(slot: number, height: number): void {
        for (let i = slot + 1; i < this.sums.length; i += i & -i) this.sums[i] += height;
    }

    /** In new slots, with room for half as many on each side and `more`: what is added costs that only now and then. */
    private spread(rows: T[], more: number): void {
        const before = (rows.length >> 1) + SPARE + more;
        this.moved += before - this.first;
        this.first = before;
        this.length = rows.length;
        this.slots = new Array(rows.length + 2 * before).fill(undefined);
        this.sums = new Float64Array(this.slots.length + 1);
        rows.forEach((row, i) => {
            this.slots[before + i] = row;
            this.sums[before + i + 1] = this.heightOf(row.key);
        });
        for (let i = 1; i < this.sums.length; i++) {
            const parent = i + (i & -i);
            if (parent < this.sums.length) this.sums[parent] += this.sums[i];
        }
    }
}
