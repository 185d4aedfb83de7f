# port26, Intune remediation: the remediation script. It moves the accounts that can be moved, asks nobody, and tells counts
# only, no names. Every move has a receipt in the user's profile: `port26 undo` puts it back.
#
# Intune: run with the logged-on credentials: yes. As SYSTEM port26 works in the session of the user at the computer
# instead, and with nobody there puts it off. In 64-bit: either.
# Exit code: 0 all done, 1 something is left (a mail program is open, a password is missing), 2 it could not run. Intune
# runs the detection once more afterwards; what is left is tried again at the next schedule.

$limit = 2000   # Intune keeps 2,048 characters

function Tell($text) {
    Write-Output $text.Substring(0, [Math]::Min($text.Length, $limit))
}

# where the MSI for all users, or else the one for this user, says that the programs are; a 32-bit PowerShell would look
# elsewhere by itself
$folder = $null
foreach ($hive in 'LocalMachine', 'CurrentUser') {
    if (-not $folder) {
        $key = [Microsoft.Win32.RegistryKey]::OpenBaseKey($hive, 'Registry64').OpenSubKey('Software\port26')
        if ($key) { $folder = $key.GetValue('folder') }
    }
}
$program = "$($folder)port26.exe"
if (-not $folder -or -not (Test-Path -LiteralPath $program)) {
    Tell 'port26: not installed'
    exit 2
}

# in a session without a console there is nothing to set
try { [Console]::OutputEncoding = [Text.Encoding]::UTF8 } catch { $null = $_ }
$lines = & $program fix --silent --json 2>$null
$code = $LASTEXITCODE

try {
    $report = ($lines -join "`n") | ConvertFrom-Json
} catch {
    $report = $null
}
if (-not $report) {
    Tell "port26: no report, exit code $code"
    exit 2
}
if ($report.deferred) {
    Tell "port26: put off, nobody can be looked at, exit code $code"
    exit 1
}

$results = @($report.accounts | ForEach-Object { $_.result })
$counts = @($results | Group-Object | ForEach-Object { "$($_.Name) $($_.Count)" }) -join ', '
Tell "port26: accounts $($results.Count) ($counts), unreadable $(@($report.problems).Count), exit code $code"

if ($code -eq 0) { exit 0 }
exit 1
