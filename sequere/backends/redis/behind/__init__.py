"""Write-behind: Redis answers, the database follows."""
