/** A button that saves an export as a table. */

import { asApiError, fetchRaw } from '../app/api';
import { Button } from '../app/components/button';
import { toast } from '../app/components/toast';
import type { Span } from './ask';

type Props = { what: 'days'; span: Span } | { what: 'customers'; month: string };

/** Asks with both credentials, which a link cannot carry. */
export function Download(props: Props) {
  const save = async () => {
    const query = new URLSearchParams({ what: props.what, format: 'csv' });
    if (props.what === 'customers') query.set('month', props.month);
    else if (props.span.start) {
      query.set('start_date', props.span.start);
      query.set('end_date', props.span.end);
    }
    try {
      const answer = await fetchRaw(`/admin/export?${query}`);
      const url = URL.createObjectURL(await answer.blob());
      const link = document.createElement('a');
      link.href = url;
      link.download = `${props.what}.csv`;
      link.click();
      URL.revokeObjectURL(url);
    } catch (problem) {
      toast(asApiError(problem).message, 'bad');
    }
  };
  return (
    <Button kind="second" onPress={save}>
      Export CSV
    </Button>
  );
}
