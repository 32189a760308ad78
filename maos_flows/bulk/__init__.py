"""Questions by the thousand: read from files, decided by columns where ballots are recorded, written line by line."""
