/** Everything that administrators did. */

import { Page } from '../app/components/layout';
import { Records } from './records';

/** The page. */
export default function Audit() {
  return (
    <Page
      title="Audit"
      lede="What administrators did, with who, when and why. Nothing is ever removed."
    >
      <Records customerId="" />
    </Page>
  );
}
