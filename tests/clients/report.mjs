// Named steps with a time limit; a line for each, which `run` counts.
export async function step(name, work, seconds = 60) {
    let timer;
    const late = new Promise((_, bad) => { timer = setTimeout(() => bad(new Error(`not within ${seconds} s`)), seconds * 1000); });
    try {
        const result = await Promise.race([work(), late]);
        console.log(`ok ${name}`);
        return result;
    } catch (error) {
        console.log(`not ok ${name}: ${error?.message ?? error}`);
        console.error(error);
        throw error;
    } finally {
        clearTimeout(timer);
    }
}

// Waits until find() gives something.
export async function until(find, seconds = 40) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        const found = await find();
        if (found) return found;
        if (Date.now() > end) throw new Error(`waited ${seconds} s in vain`);
        await new Promise((r) => setTimeout(r, 50));
    }
}
