@echo off
rem SPDX-License-Identifier: Apache-2.0
rem
rem Runs the acceptance kit in this folder and leaves one file: sluice-acceptance.json.
rem   run.cmd          everything
rem   run.cmd quick    without the two test programs (seconds instead of minutes)
setlocal
cd /d "%~dp0"
set attach=
del sluice-acceptance.json contract.json redirect.json 2>nul
if "%1"=="quick" goto ask

echo Running the contract suite of the completion port: about two minutes.
contract_native.exe --gtest_brief=1 --gtest_output=json:contract.json > contract.log 2>&1
echo Running the redirect suite against the emulated platform: about two minutes.
redirect.exe --gtest_brief=1 --gtest_output=json:redirect.json > redirect.log 2>&1
set attach=--attach contract=contract.json --attach redirect=redirect.json

:ask
echo Asking this machine: a few seconds.
sluice.exe doctor --acceptance --listen 127.0.0.1:0 --listen [::1]:0 %attach% > sluice-acceptance.json
if errorlevel 1 goto failed
echo.
sluice.exe doctor
echo.
echo The result is %cd%\sluice-acceptance.json
exit /b 0

:failed
echo sluice.exe could not make the document; contract.log, redirect.log and the lines above say more.
exit /b 1
