/** Settings that are saved one by one: what may not be changed is shown, but not offered. */
import { useSignal } from "@preact/signals";
import { t } from "../text";

export function TextSetting(props: { label: string; value: string; may: boolean; long?: boolean; onSave: (value: string) => void }) {
    const edited = useSignal<string | null>(null);
    const value = edited.value ?? props.value;
    const input = { value, readOnly: !props.may, onInput: (e: any) => (edited.value = e.currentTarget.value) };
    const save = (event: SubmitEvent) => {
        event.preventDefault();
        props.onSave(value.trim());
        edited.value = null;
    };
    return (
        <form class="text-setting" onSubmit={save}>
            <label class="field">
                <span>{props.label}</span>
                {props.long ? <textarea rows={3} {...input} /> : <input {...input} />}
            </label>
            {edited.value !== null && edited.value !== props.value && (
                <div class="buttons">
                    <button type="button" class="secondary" onClick={() => (edited.value = null)}>
                        {t("cancel")}
                    </button>
                    <button type="submit" class="primary">
                        {t("save")}
                    </button>
                </div>
            )}
        </form>
    );
}

export function SelectSetting(props: { label: string; value: string; may: boolean; options: string[][]; onChange: (value: string) => void }) {
    const known = props.options.some(([value]) => value === props.value);
    return (
        <label class="field">
            <span>{props.label}</span>
            <select value={props.value} disabled={!props.may} onChange={(e) => props.onChange(e.currentTarget.value)}>
                {!known && <option value={props.value}>{props.value}</option>}
                {props.options.map(([value, text]) => (
                    <option key={value} value={value}>
                        {text}
                    </option>
                ))}
            </select>
        </label>
    );
}
