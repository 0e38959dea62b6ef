"""What the user wrote: scenarios read from files, and the policy that they are at run time."""
