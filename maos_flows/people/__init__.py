"""People who decide: what they are asked, how they answer, what their answers make of a decision. No Prefect here."""
