/** Parts of a list by kind, each with how many there are; one of them is shown. */

interface Props<Name extends string> {
  label: string;
  names: readonly Name[];
  titleOf: (name: Name) => string;
  counts: { [name in Name]: number } | undefined;
  chosen: Name;
  onChoose: (name: Name) => void;
}

/** Buttons of which one is pressed: the list below is about it. */
export function Kinds<Name extends string>(props: Props<Name>) {
  const { label, names, titleOf, counts, chosen, onChoose } = props;
  return (
    <fieldset class="admin-kinds">
      <legend class="unseen">{label}</legend>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="admin-kind"
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
        >
          {titleOf(name)}
          {counts && <span class="admin-kind-count">{counts[name]}</span>}
        </button>
      ))}
    </fieldset>
  );
}
